import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** `refuse` = nobody listens; `hang` = connections are taken and stay silent; `reset` = connections are reset at once. */
export type TcpFault = 'none' | 'refuse' | 'hang' | 'reset';

/** In front of a store that speaks any protocol over TCP. */
export class TcpFaultProxy {
  private fault: TcpFault = 'none';
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private server: Server;

  private constructor(
    readonly port: number,
    private readonly target: number,
    server: Server,
  ) {
    this.server = server;
  }

  static async start(target: number): Promise<TcpFaultProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new TcpFaultProxy((server.address() as AddressInfo).port, target, server);
    server.on('connection', (socket) => proxy.accept(socket));
    return proxy;
  }

  async set(fault: TcpFault): Promise<void> {
    const before = this.fault;
    this.fault = fault;
    if (before === 'hang' || fault === 'refuse' || fault === 'reset') this.dropAll();
    if (fault === 'hang') for (const [near, far] of this.pairs) [near, far].forEach((socket) => socket.pause());
    if (fault === 'refuse') await this.closeServer();
    else if (!this.server.listening) {
      this.server.listen(this.port, '127.0.0.1');
      await once(this.server, 'listening');
    }
  }

  async close(): Promise<void> {
    this.dropAll();
    await this.closeServer();
  }

  private accept(near: Socket): void {
    near.on('error', () => undefined);
    if (this.fault === 'reset') return void near.resetAndDestroy();
    const far = connect(this.target, '127.0.0.1');
    far.on('error', () => near.destroy());
    near.setNoDelay(true);
    far.setNoDelay(true);
    const pair = [near, far] as const;
    this.pairs.add(pair);
    near.on('data', (bytes) => far.write(bytes));
    far.on('data', (bytes) => near.write(bytes));
    near.once('close', () => (far.destroy(), this.pairs.delete(pair)));
    far.once('close', () => near.destroy());
    if (this.fault === 'hang') near.pause();
  }

  private dropAll(): void {
    for (const [near, far] of this.pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
    this.pairs.clear();
  }

  private async closeServer(): Promise<void> {
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }
}
