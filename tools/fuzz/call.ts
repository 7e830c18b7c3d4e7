import type { Operation } from './api.js';

/** One HTTP request, byte by byte: what it was meant to be, and what was done to it. */
export interface Call {
  /** The operation it is for; `null` once method or path may be of another one, or of none. */
  operation: Operation | null;
  method: string;
  /** As it stands in the request line; each character is one byte. */
  path: string;
  /** In order; each character is one byte. */
  readonly headers: (readonly [name: string, value: string])[];
  body: Buffer | null;
  /** The caller leaves: after so many bytes of the request, or as soon as the answer begins. */
  leaves: number | 'answer' | null;
  /** The framing is wrong, so that the connection may end in any way. */
  isBroken: boolean;
  /** A model server that misbehaves may be asked: 502, 503 and 504 are right answers. */
  mayFail: boolean;
  /** What was done to it. */
  readonly mutations: string[];
}

export const headerOf = ({ headers }: Call, name: string): string | undefined =>
  headers.find(([one]) => one.toLowerCase() === name)?.[1];

export function setHeader(call: Call, name: string, value: string): void {
  const at = call.headers.findIndex(([one]) => one.toLowerCase() === name);
  if (at < 0) call.headers.push([name, value]);
  else call.headers[at] = [name, value];
}

/** As it goes over the wire. */
export function bytesOf(call: Call, host: string): Buffer {
  const { method, path, headers, body } = call;
  const lines = [`${method} ${path} HTTP/1.1`];
  if (headerOf(call, 'host') === undefined) lines.push(`host: ${host}`);
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  const isFramed = headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
  if (body && !isFramed) lines.push(`content-length: ${body.length}`);
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return body ? Buffer.concat([head, body]) : head;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const isPlain = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);
const MOST_INLINE = 2000;

/**
 * A line for a shell that sends the call again: `curl`, or `nc` for what curl would not send.
 *
 * @param keep writes bytes to a file and returns its path
 */
export function asCommand(call: Call, url: URL, keep: (bytes: Buffer) => string): string {
  const { method, path, headers, body } = call;
  const isForCurl =
    !call.isBroken &&
    /^[A-Z]+$/.test(method) &&
    /^\/[\x21-\x7e]*$/.test(path) &&
    headers.every((pair) => pair.every(isPlain));
  if (!isForCurl) return `nc -q 2 ${url.hostname} ${url.port} < ${quoted(keep(bytesOf(call, url.host)))}`;
  const fields = headers
    .filter(([name]) => name !== 'content-length')
    .map(([name, value]) => `-H ${quoted(value === '' ? `${name};` : `${name}: ${value}`)}`);
  const text = body?.toString('latin1') ?? '';
  const data =
    body && (isPlain(text) && text.length <= MOST_INLINE && !text.startsWith('@') ? quoted(text) : `@${keep(body)}`);
  return [
    `curl -isS --path-as-is ${method === 'HEAD' ? '--head' : `-X ${method}`}`,
    quoted(`${url.origin}${path}`),
    ...fields,
    ...(data ? [`--data-binary ${data}`] : []),
  ].join(' ');
}
