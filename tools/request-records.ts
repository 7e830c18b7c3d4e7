import { readFileSync } from 'node:fs';
import { isLoopbackUrl } from '../src/common/loopback.js';
import type { ListedRecord } from '../src/modules/telemetry/records/read-records.js';
import { NotThere, UsageError } from './command.js';

/** Where records come from, for the usage text of a command. */
export const RECORD_OPTIONS_USAGE = `  --url <url>          the running service whose records are read (default http://127.0.0.1:8080)
  --key <key>          its API key, with scope admin; ROUTER_KEY in the environment keeps it out of the process list
  --allow-remote       needed for a URL that is not on this machine
  --log <file>         instead of a service: records as GET /admin/requests?format=jsonl gives them`;

export const RECORD_OPTIONS = {
  url: { type: 'string' },
  key: { type: 'string' },
  'allow-remote': { type: 'boolean', default: false },
  log: { type: 'string' },
} as const;

interface RecordOptions {
  readonly url?: string | undefined;
  readonly key?: string | undefined;
  readonly 'allow-remote': boolean;
  readonly log?: string | undefined;
}

const DEFAULT_URL = 'http://127.0.0.1:8080';
/** Records a request: some 2 MB. */
const PAGE = 1_000;
const PAGE_MS = 60_000;

/**
 * The records that a command is about, oldest first.
 *
 * @throws UsageError for a service that cannot be reached, refuses or has none, and for a file of something else
 */
export async function readRecords(options: RecordOptions): Promise<ListedRecord[]> {
  const { log, url } = options;
  if (log !== undefined && url !== undefined) throw new UsageError('--log and --url: one of them is enough');
  const records = log === undefined ? await served(options) : filed(log);
  if (records.length === 0) throw new NotThere(`${log ?? url ?? DEFAULT_URL} has no records of requests yet`);
  return records.reverse();
}

const filed = (file: string): ListedRecord[] => linesOf(readFileSync(file, 'utf8'), file);

async function served({ url: text = DEFAULT_URL, key, 'allow-remote': allowRemote }: RecordOptions) {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`--url takes an address such as ${DEFAULT_URL}, not "${text}"`);
  }
  if (!allowRemote && !isLoopbackUrl(url)) {
    throw new UsageError(`${url.hostname} is not this machine; add --allow-remote to read its records from here`);
  }
  const credential = key ?? process.env['ROUTER_KEY'];
  const headers: Record<string, string> = credential ? { authorization: `Bearer ${credential}` } : {};
  const records: ListedRecord[] = [];
  for (let page = await pageOf(url, headers, null); ; page = await pageOf(url, headers, records.at(-1)!.id)) {
    records.push(...page);
    if (page.length < PAGE) return records;
  }
}

async function pageOf(service: URL, headers: Record<string, string>, after: string | null): Promise<ListedRecord[]> {
  const url = new URL(`${service.href.replace(/\/+$/, '')}/admin/requests`);
  url.search = new URLSearchParams({ format: 'jsonl', limit: String(PAGE), ...(after && { after }) }).toString();
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { headers, signal: AbortSignal.timeout(PAGE_MS), redirect: 'error' });
    text = await response.text();
  } catch (error) {
    const cause = (error as Error & { cause?: { code?: string } }).cause?.code ?? (error as Error).name;
    throw new NotThere(`${service.origin} cannot be read (${cause}); is the service running there?`, {
      cause: error,
    });
  }
  if (!response.ok) throw new UsageError(refusal(service, response.status, text));
  return linesOf(text, url.origin);
}

function refusal({ origin }: URL, status: number, body: string): string {
  const cure = new Map([
    [401, 'it asks for a key: send one with --key or ROUTER_KEY'],
    [403, 'the key needs scope admin (auth.keys[].scopes)'],
    [404, 'it has no GET /admin/requests: another service, or an older one'],
  ]).get(status);
  return `${origin} answers ${status}: ${cure ?? body.slice(0, 300)}`;
}

const linesOf = (text: string, from: string): ListedRecord[] =>
  text.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [recordIn(line, `${from}, line ${i + 1}`)]));

function recordIn(line: string, place: string): ListedRecord {
  let record: Partial<ListedRecord> | null;
  try {
    record = JSON.parse(line) as Partial<ListedRecord> | null;
  } catch (error) {
    throw new UsageError(`${place}: is no JSON; leave it out`, { cause: error });
  }
  if (typeof record?.request_id === 'string' && typeof record.outcome === 'string') return record as ListedRecord;
  throw new UsageError(`${place}: is no record; expected lines of GET /admin/requests?format=jsonl`);
}
