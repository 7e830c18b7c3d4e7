import { connect } from 'node:net';

export interface RawAnswer {
  /** 0 when the connection was closed without an answer. */
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/**
 * Sends bytes as they are and reads until the server closes. Only one answer is expected.
 *
 * @param localAddress of the caller, one of this machine
 */
export function sendRaw(url: string, bytes: string | Buffer, localAddress?: string): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const place = { port: Number(port), host: hostname, ...(localAddress ? { localAddress } : {}) };
    const socket = connect(place, () => socket.write(bytes));
    const pieces: Buffer[] = [];
    socket.on('data', (piece) => pieces.push(piece));
    socket.on('error', () => undefined); // a reset after the answer is no less an answer
    socket.on('close', () => resolve(parsed(Buffer.concat(pieces).toString('utf8'))));
  });
}

function parsed(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const head = end < 0 ? text : text.slice(0, end);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
  return { status, head, body: end < 0 ? '' : text.slice(end + 4) };
}
