import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A command in RESP: `*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`. */
const HEAD = /^\*(\d+)\r\n/;
const PART = /^\$(\d+)\r\n/;

/** Speaks the protocol of Redis, lets clients in, and answers every command with one and the same error. */
export class RefusingRedis {
  /** Commands that were answered with the error. */
  refused = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly error: string,
  ) {}

  /** @param error such as `READONLY You can't write against a read only replica.` */
  static async start(error: string): Promise<RefusingRedis> {
    const server = createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const redis = new RefusingRedis(server, error);
    server.on('connection', (socket) => redis.serve(socket));
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    let waiting = '';
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    socket.setEncoding('latin1').on('data', (text: string) => {
      waiting += text;
      for (let command = commandIn(waiting); command; command = commandIn(waiting)) {
        waiting = waiting.slice(command.length);
        socket.write(this.replyTo(command.name));
      }
    });
  }

  /** What a client asks while it connects is answered, as the server is there. */
  private replyTo(name: string): string {
    if (name === 'INFO') return bulk('redis_version:7.0.15\r\nloading:0\r\n');
    if (name === 'CLIENT') return '+OK\r\n';
    this.refused += 1;
    return `-${this.error}\r\n`;
  }
}

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;

function commandIn(text: string): { readonly name: string; readonly length: number } | null {
  const head = HEAD.exec(text);
  if (!head) return null;
  let at = head[0].length;
  let name = '';
  for (let part = 0; part < Number(head[1]); part += 1) {
    const size = PART.exec(text.slice(at, at + 20));
    if (!size) return null;
    at += size[0].length;
    if (part === 0) name = text.slice(at, at + Number(size[1])).toUpperCase();
    at += Number(size[1]) + 2;
    if (at > text.length) return null;
  }
  return { name, length: at };
}
