// The health check of the image: asks this container's own TDS whether it can do its work (/readyz), or what else an argument names: /healthz, whether
// it lives. Exit code 0: yes. Plain JavaScript on `node:http`
// alone, as it is started over and over. Where TDS listens it says itself, as a port in the config is for that running process to know.
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import process from 'node:process';

/** Shorter than the time-out of whoever asks for the check, so that the reason is told. */
const patienceMs = 8000;
const path = process.argv[2] || '/readyz';

function address() {
  try {
    const url = new URL(readFileSync(process.env.TDS_ADDRESS_FILE, 'utf8').trim());
    // It may listen on all addresses, and then on loopback too.
    if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1';
    if (url.hostname === '[::]') url.hostname = '[::1]';
    return url;
  } catch {
    return undefined; // it does not listen yet
  }
}

function end(code, text) {
  process.stdout.write(text.slice(0, 500) + '\n');
  process.exitCode = code;
}

const url = address();
if (url === undefined) end(1, 'TDS does not listen yet');
else {
  const request = get(new URL(path, url), { signal: AbortSignal.timeout(patienceMs), agent: false }, (response) => {
    let body = '';
    response.setEncoding('utf8').on('data', (text) => (body += text)).on('end', () => end(response.statusCode === 200 ? 0 : 1, response.statusCode + ' ' + body.trim()));
  });
  request.on('error', (error) => end(1, 'TDS does not answer at ' + url.origin + ': ' + error.message));
}
