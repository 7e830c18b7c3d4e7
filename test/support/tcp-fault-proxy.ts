import { once } from 'node:events';
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';

/** `refuse` = nobody listens; `hang` = connections are taken and stay silent; `reset` = connections are reset at once. */
export type TcpFault = 'none' | 'refuse' | 'hang' | 'reset';

/**
 * In front of a store that speaks any protocol over TCP. A thread of its own: in the one that sends the requests of a
 * test and answers as the model, a store that is well would seem slow.
 */
export class TcpFaultProxy {
  private constructor(
    readonly port: number,
    private readonly thread: Worker,
  ) {}

  static async start(target: number): Promise<TcpFaultProxy> {
    const program = resolve('test/support/tcp-fault-proxy.worker.ts');
    const thread = new Worker(program, { workerData: target, execArgv: [] });
    const [port] = (await once(thread, 'message')) as [number];
    return new TcpFaultProxy(port, thread);
  }

  /** Resolves when it is in force; one at a time. */
  async set(fault: TcpFault): Promise<void> {
    const done = once(this.thread, 'message');
    this.thread.postMessage(fault);
    await done;
  }

  async close(): Promise<void> {
    await this.thread.terminate();
  }
}
