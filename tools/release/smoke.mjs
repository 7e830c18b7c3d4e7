// Whether a revision serves, asked through the gateway on its label: node tools/release/smoke.mjs --label green (docs/RELEASE.md).
// Plain JavaScript without packages, for Node 18 and later.
import { readFileSync } from 'node:fs';
import { AzureCli, Refusal, told } from '../azd/azure-cli.mjs';

const USAGE = `Usage: node tools/release/smoke.mjs [options]   asks a revision through the gateway; exit code 1 where it does not serve
  --url U        of the gateway (default: GATEWAY_URL)
  --label L      blue or green: the header x-router-label; left out: whoever has the traffic
  --model M      (default auto)
  --token-file F a file with the bearer token; left out: az account get-access-token --resource API_AUDIENCE
  --wait S       how long it may take until it answers, in seconds (default 120)`;
const OPTIONS = { url: process.env.GATEWAY_URL ?? '', label: '', model: 'auto', 'token-file': '', wait: '120' };
const PAUSE_MS = 2_000;
const PATIENCE_MS = 60_000;
const QUESTION = 'Answer with the one word: ready';
/** A plain answer tells all of them; DESIGN section 4. */
const PLAIN_HEADERS = [
  'x-request-id',
  'x-router-target',
  'x-router-tier',
  'x-router-model',
  'x-router-cache',
  'x-router-attempts',
];
const STREAM_HEADERS = ['x-request-id', 'x-router-target', 'x-router-model'];

function optionsOf(args) {
  const options = { ...OPTIONS };
  for (let i = 0; i < args.length; i += 2) {
    const name = args[i].replace(/^--/, '');
    if (!(name in options) || args[i + 1] === undefined)
      throw new Refusal(`${args[i]}: no such option, or it has no value.\n\n${USAGE}`);
    options[name] = args[i + 1];
  }
  if (!/^https?:\/\/\S+$/.test(options.url))
    throw new Refusal(`--url "${options.url}": must be the address of the gateway (GATEWAY_URL).`);
  if (!['', 'blue', 'green'].includes(options.label))
    throw new Refusal(`--label ${options.label}: must be blue or green.`);
  if (!(Number(options.wait) > 0)) throw new Refusal(`--wait ${options.wait}: must be a number of seconds.`);
  return { ...options, url: options.url.replace(/\/$/, '') };
}

async function tokenOf(options) {
  if (options['token-file']) return readFileSync(options['token-file'], 'utf8').trim();
  const audience = process.env.API_AUDIENCE;
  if (!audience) throw new Refusal('API_AUDIENCE is not set: it names the API for whose role "operator" the token is.');
  return (await new AzureCli().json('account', 'get-access-token', '--resource', audience)).accessToken;
}

const expect = (what, ok, found) => {
  if (!ok) throw new Refusal(`${what}: ${typeof found === 'string' ? found.slice(0, 300) : JSON.stringify(found)}`);
  process.stdout.write(`ok  ${what}\n`);
};

class Gateway {
  constructor({ url, label, model }, token) {
    this.url = url;
    this.model = model;
    this.label = label;
    this.headers = { authorization: `Bearer ${token}`, ...(label ? { 'x-router-label': label } : {}) };
  }

  async ask(path, body) {
    const init = body
      ? {
          method: 'POST',
          body: JSON.stringify(body),
          headers: { ...this.headers, 'content-type': 'application/json', 'cache-control': 'no-store' },
        }
      : { headers: this.headers };
    try {
      const response = await fetch(`${this.url}${path}`, {
        ...init,
        redirect: 'error',
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      return { status: response.status, headers: response.headers, text: await response.text() };
    } catch (error) {
      return {
        status: 0,
        headers: new Headers(),
        text: `${path} cannot be reached: ${error.cause?.code ?? error.message}`,
      };
    }
  }

  chat(stream) {
    const messages = [{ role: 'user', content: QUESTION }];
    return this.ask('/v1/chat/completions', {
      model: this.model,
      messages,
      max_tokens: 64,
      ...(stream ? { stream } : {}),
    });
  }
}

/** A revision that has just come up may take a while; what it says last is told. */
async function awaited(what, ask, isThere, seconds) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (isThere(answer) || Date.now() > end) return expect(what, isThere(answer), `${answer.status} ${answer.text}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

/** The gateway echoes the label that it sent the request to; it ignores that of anybody but an operator (infra/apim/api.xml). */
function checkLabel(kind, { headers }, label) {
  const from = headers.get('x-router-label') ?? '';
  if (label !== '')
    expect(
      `${kind}: from the label ${label}`,
      from === label,
      'the gateway sent it elsewhere; this identity needs the app role "operator"',
    );
}

function checkHeaders(kind, { headers }, names) {
  const missing = names.filter((name) => !headers.get(name));
  expect(`${kind} answer: headers`, missing.length === 0, `missing ${missing.join(', ')}`);
}

async function checkPlain(gateway) {
  const answer = await gateway.chat(false);
  const content = parsed(answer.text)?.choices?.[0]?.message?.content;
  expect('plain answer', answer.status === 200 && content, `${answer.status} ${answer.text}`);
  expect('plain answer: a real model', answer.headers.get('x-router-simulated') !== 'true', 'it is simulated');
  checkLabel('plain answer', answer, gateway.label);
  checkHeaders('plain', answer, PLAIN_HEADERS);
  expect('plain answer: not from the cache', answer.headers.get('x-router-cache') !== 'HIT', 'HIT');
}

async function checkStream(gateway) {
  const answer = await gateway.chat(true);
  const data = answer.text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => line.slice(6));
  const chunks = data.slice(0, -1).map(parsed);
  const text = chunks.map((chunk) => chunk?.choices?.[0]?.delta?.content ?? '').join('');
  expect(
    'streamed answer',
    answer.status === 200 && /event-stream/.test(answer.headers.get('content-type') ?? ''),
    `${answer.status} ${answer.text}`,
  );
  expect('streamed answer: text', text !== '' && !chunks.includes(null), answer.text);
  expect('streamed answer: complete', data.at(-1) === '[DONE]', answer.text.slice(-200));
  checkLabel('streamed answer', answer, gateway.label);
  checkHeaders('streamed', answer, STREAM_HEADERS);
}

await told(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--help')) return void process.stdout.write(`${USAGE}\n`);
  const options = optionsOf(args);
  const gateway = new Gateway(options, await tokenOf(options));
  await awaited(
    '/health',
    () => gateway.ask('/health'),
    ({ status }) => status === 200,
    Number(options.wait),
  );
  await awaited(
    '/ready',
    () => gateway.ask('/ready'),
    ({ status, text }) => status === 200 && ['ready', 'degraded'].includes(parsed(text)?.status),
    Number(options.wait),
  );
  await checkPlain(gateway);
  await checkStream(gateway);
  const refused = await new Gateway(options, 'none').ask('/v1/models');
  expect('a false token is turned away', refused.status === 401, `${refused.status} ${refused.text}`);
});
