import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyInstance {
    silentConnections: SilentConnections;
  }
}

/** A request that is just on its way comes within this time, milliseconds. */
const ON_ITS_WAY_MS = 1_000;

/**
 * Connections on which nothing was ever sent. Node takes them for busy, so `closeIdleConnections` leaves them, and a
 * server that stops would wait for them as for a request.
 */
export class SilentConnections {
  /** Open connections and when they came, `performance.now()`. */
  private readonly open = new Map<Socket, number>();

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.open.set(socket, performance.now());
      socket.on('close', () => this.open.delete(socket));
    });
  }

  close(): void {
    const latest = performance.now() - ON_ITS_WAY_MS;
    for (const [socket, since] of this.open) if (socket.bytesRead === 0 && since < latest) socket.destroy();
  }
}

/** Makes `silentConnections` known to the shutdown. */
export function useSilentConnections(fastify: FastifyInstance): void {
  fastify.decorate('silentConnections', new SilentConnections(fastify.server));
}
