import { createRequire } from 'node:module';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Emulator {
  createHttpServer(options?: { keepAlive?: boolean }): Server;
}

const { createHttpServer } = createRequire(import.meta.url)('@vercel/cosmosdb-server') as Emulator;

/** The Cosmos DB emulator in this process, empty. It accepts any key. */
export class CosmosEmulator {
  static readonly KEY = Buffer.from('any key does').toString('base64');

  private constructor(private readonly server: Server) {}

  static async start(): Promise<CosmosEmulator> {
    const server = createHttpServer({ keepAlive: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CosmosEmulator(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
