import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import type { TcpFault } from './tcp-fault-proxy.js';

// The thread of a TcpFaultProxy. It is given the port to pass on to, tells its own, and answers each fault once it is in
// force.

const target = workerData as number;
const parent = parentPort!;
const pairs = new Set<readonly [Socket, Socket]>();
const server = createServer(accept);
let fault: TcpFault = 'none';

server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
parent.on('message', (next: TcpFault) => void set(next).then(() => parent.postMessage(next)));
parent.postMessage(port);

async function set(next: TcpFault): Promise<void> {
  const before = fault;
  fault = next;
  if (before === 'hang' || fault === 'refuse' || fault === 'reset') dropAll();
  if (fault === 'hang') for (const pair of pairs) pair.forEach((socket) => socket.pause());
  if (fault === 'refuse') {
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  } else if (!server.listening) {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  }
}

function accept(near: Socket): void {
  near.on('error', () => undefined);
  if (fault === 'reset') return void near.resetAndDestroy();
  const far = connect(target, '127.0.0.1');
  far.on('error', () => near.destroy());
  near.setNoDelay(true);
  far.setNoDelay(true);
  const pair = [near, far] as const;
  pairs.add(pair);
  near.on('data', (bytes) => far.write(bytes));
  far.on('data', (bytes) => near.write(bytes));
  near.once('close', () => (far.destroy(), pairs.delete(pair)));
  far.once('close', () => near.destroy());
  if (fault === 'hang') near.pause();
}

function dropAll(): void {
  for (const [near, far] of pairs) {
    near.resetAndDestroy();
    far.destroy();
  }
  pairs.clear();
}
