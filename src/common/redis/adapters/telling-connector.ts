import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { AbstractConnector, RedisOptions } from 'ioredis';
import { CLOSED_UNHEARD, TLS_UNANSWERED } from '../redis-trouble.js';

/**
 * Opens sockets as ioredis does, and tells why one failed: a cluster client swallows the errors of the connections that
 * look for its nodes, and says no more than that none could be reached.
 *
 * @param Connector of ioredis, which is loaded late
 */
export function connectorThatTells(
  Connector: typeof AbstractConnector,
  tell: (error: Error) => void,
): NonNullable<RedisOptions['Connector']> {
  return class extends Connector {
    private readonly options: RedisOptions;

    constructor(options: unknown) {
      const redisOptions = options as RedisOptions;
      super(redisOptions.disconnectTimeout ?? 0);
      this.options = redisOptions;
    }

    override async connect(): Promise<Socket> {
      const { host = '127.0.0.1', port = 6379, tls } = this.options;
      this.connecting = true;
      const stream = tls ? connectTls({ host, port, ...tls }) : connect({ host, port });
      const unheard = () => !tls && stream.bytesRead === 0;
      stream.once('error', (error: NodeJS.ErrnoException) => {
        this.firstError = error;
        tell(error.code === 'ECONNRESET' && unheard() ? coded(CLOSED_UNHEARD) : error);
      });
      stream.once('end', () => unheard() && tell(coded(CLOSED_UNHEARD)));
      // Of `connectTimeout`; ioredis then ends the connection, in a cluster without a word.
      stream.once('timeout', () => tell(coded(tls && !stream.connecting ? TLS_UNANSWERED : 'ETIMEDOUT')));
      this.stream = stream;
      return writingTogether(stream);
    }
  };
}

/**
 * What is written in one turn of the event loop leaves in one system call: a request makes several calls of Redis, and
 * requests come side by side.
 */
function writingTogether(stream: Socket): Socket {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  const uncork = () => stream.uncork();
  // eslint-disable-next-line no-restricted-syntax -- once a connection; TLS sockets cannot be made of a class of ours
  stream.write = (...args: unknown[]): boolean => {
    if (stream.writableCorked === 0) {
      stream.cork();
      setImmediate(uncork);
    }
    return write(...args);
  };
  return stream;
}

const coded = (code: string): Error => Object.assign(new Error(code), { code });
