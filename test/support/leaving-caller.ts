import { connect, type Socket } from 'node:net';
import type { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { RouterApp } from './router-app.js';

/** A caller on a connection of its own, that can leave at any moment. */
export class LeavingCaller {
  private readonly pieces: Buffer[] = [];
  private readonly gone: Promise<void>;

  private constructor(
    private readonly socket: Socket,
    theirs: Socket,
  ) {
    socket.on('data', (piece) => this.pieces.push(piece));
    socket.on('error', () => undefined);
    this.gone = new Promise((resolve) => theirs.once('close', () => setImmediate(resolve)));
  }

  /** POSTs JSON. One after the other: the next connection is taken for this caller's. */
  static async send(
    { url, app }: RouterApp,
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<LeavingCaller> {
    const { hostname, port } = new URL(url);
    const theirs = new Promise<Socket>((resolve) => app.getHttpServer().once('connection', resolve));
    const socket = connect(Number(port), hostname);
    const text = JSON.stringify(body);
    const caller = new LeavingCaller(socket, await theirs);
    const head = { host: hostname, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const lines = Object.entries({ ...head, ...headers }).map(([name, value]) => `${name}: ${value}`);
    socket.write([`POST ${path} HTTP/1.1`, ...lines, '', text].join('\r\n'));
    return caller;
  }

  /** What came so far, headers included. */
  get received(): string {
    return Buffer.concat(this.pieces).toString('utf8');
  }

  /** Reads nothing more for now. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Resolves once the service can know. */
  async leave(): Promise<void> {
    this.socket.destroy();
    await this.gone;
  }

  /** Resolves when the service ends the connection. */
  async closed(): Promise<void> {
    if (!this.socket.closed) await new Promise((resolve) => this.socket.once('close', resolve));
  }
}

/** A message on its way through the service that waits for the test. */
export interface Held {
  /** Resolves when it is there. */
  readonly reached: Promise<void>;
  goOn(): void;
}

/** Holds the next message of this class, before it is handled or before its result arrives. */
export function holdNext(bus: CommandBus | QueryBus, message: string, when: 'before' | 'after'): Held {
  const reached = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const execute: (command: never) => Promise<unknown> = bus.execute.bind(bus);
  const stop = async (): Promise<void> => {
    reached.resolve();
    await go.promise;
  };
  const held = async (command: object): Promise<unknown> => {
    if (command.constructor.name !== message) return execute(command as never);
    bus.execute = execute;
    if (when === 'before') await stop();
    const result = await execute(command as never);
    if (when === 'after') await stop();
    return result;
  };
  bus.execute = held;
  return { reached: reached.promise, goOn: () => go.resolve() };
}
