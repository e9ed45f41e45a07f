/** A report as one HTML page with its style inside, as mail programs want it. */
import { headlineOf, sectionsOf, titleOf, type Section } from './text.ts';
import type { Summary } from './summary.ts';

export function reportHtml(summary: Summary): string {
  const title = escape(titleOf(summary));
  const attention = summary.attention.length === 0 ? '' : `<h2>To look at</h2><ul>${summary.attention.map((text) => `<li>${escape(text)}</li>`).join('')}</ul>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>
<body style="font-family:system-ui,sans-serif;max-width:48em;margin:2em auto;color:#222">
<h1 style="font-size:1.3em">${title}</h1>
<p>${escape(headlineOf(summary))}</p>
${attention}
${sectionsOf(summary).map(sectionHtml).join('\n')}
</body></html>
`;
}

function sectionHtml({ title, columns, rows }: Section): string {
  const cell = (tag: string) => (text: string | number, at: number): string => `<${tag} style="padding:.2em .8em;border-bottom:1px solid #ddd;text-align:${at === 0 ? 'left' : 'right'}">${escape(String(text))}</${tag}>`;
  const head = `<tr>${columns.map(cell('th')).join('')}</tr>`;
  return `<h2 style="font-size:1.1em">${escape(title)}</h2>\n<table style="border-collapse:collapse">${head}${rows.map((row) => `<tr>${row.map(cell('td')).join('')}</tr>`).join('')}</table>`;
}

/** Reasons carry texts of remotes and records: nothing of them may be markup. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}
