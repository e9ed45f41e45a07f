/** The page on which people read the API: plain HTML made here, without a script and without anything from another host. */
import { createHash } from 'node:crypto';
import type { OpenApi, OpenApiOperation } from './openapi.ts';

const style = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b; background: #fff }
h2 { margin-top: 2.5rem } details { border: 1px solid #ccc; border-radius: 4px; margin: .5rem 0; padding: .4rem .8rem } summary { cursor: pointer }
code, pre { font: 14px/1.4 ui-monospace, monospace } pre { overflow: auto; background: #f5f5f5; padding: .6rem } b { display: inline-block; min-width: 4.5rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #ddd }
@media (prefers-color-scheme: dark) { body { color: #e6e6e6; background: #16181c } pre { background: #22262c } details, td, th { border-color: #444 } a { color: #8ab4f8 } }
`;

/** What the page may load: nothing but its own style. */
export const pagePolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;

/** Makes the page. */
export function openApiPage({ info, paths }: OpenApi): string {
  const groups = new Map<string, string[]>();
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const [tag = ''] = operation.tags;
      groups.set(tag, [...(groups.get(tag) ?? []), operationHtml(method.toUpperCase(), path, operation)]);
    }
  }
  const sections = [...groups].map(([tag, parts]) => `<section><h2 id="${escape(tag)}">${escape(tag === '' ? 'tds' : tag)}</h2>${parts.join('')}</section>`);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>TDS API</title><style>${style}</style></head>
<body><main><h1>TDS API ${escape(info.version)}</h1><p>${escape(info.description)} The same for programs: <a href="/openapi.json">openapi.json</a>.</p>${sections.join('\n')}</main></body></html>\n`;
}

function operationHtml(method: string, path: string, { summary, description = 'Asks nobody who they are.', parameters, requestBody, responses }: OpenApiOperation): string {
  const given = parameters.map(({ name, in: place, required, description: about = '', schema }) =>
    `<tr><td><code>${escape(name)}</code></td><td>${place}${required ? ', required' : ''}</td><td>${escape(about)} <code>${escape(JSON.stringify(schema))}</code></td></tr>`);
  const answers = Object.entries(responses).map(([status, { description: about, content }]) => {
    const [type = '', { schema = {} } = {}] = Object.entries(content)[0] ?? [];
    const shape = '$ref' in schema ? '' : `<details><summary>shape</summary><pre>${escape(JSON.stringify(schema, undefined, 1))}</pre></details>`;
    return `<tr><td>${escape(status)}</td><td>${escape(type)}</td><td>${escape(about)}${shape}</td></tr>`;
  });
  const body = Object.values(requestBody?.content ?? {})[0];
  return `<details><summary><b>${method}</b> <code>${escape(path)}</code> ${escape(summary)}</summary><p>${escape(description)}</p>`
    + (given.length > 0 ? `<table><tr><th>takes</th><th>in</th><th></th></tr>${given.join('')}</table>` : '')
    + (body ? `<p>Body, as JSON:</p><pre>${escape(JSON.stringify(body.schema, undefined, 1))}</pre>` : '')
    + `<table><tr><th>answers</th><th></th><th></th></tr>${answers.join('')}</table></details>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
