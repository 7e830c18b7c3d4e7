import { once } from 'node:events';
import type { RouterProcess } from '../test/support/router-process.js';

const ANNOUNCED = /Debugger listening on (ws:\/\/127\.0\.0\.1:\S+)/;
const ANNOUNCED_WITHIN_MS = 10_000;
const BYTES_PER_MB = 1_048_576;

/** What starts a process with an inspector on a free port of the loopback. */
export const INSPECTED = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };

/** Asks a running process about its heap over the Chrome DevTools Protocol; the service itself has no code for it. */
export class Inspector {
  private calls = 0;

  private constructor(private readonly socket: WebSocket) {}

  static async of(router: RouterProcess): Promise<Inspector> {
    const [, url = ''] = await router.awaitOutput(ANNOUNCED, ANNOUNCED_WITHIN_MS);
    const socket = new WebSocket(url);
    await once(socket, 'open');
    return new Inspector(socket);
  }

  /** What is left in use after a full collection, MB. */
  async heapAfterGcMb(): Promise<number> {
    await this.call('HeapProfiler.collectGarbage');
    const { usedSize } = await this.call('Runtime.getHeapUsage');
    return (usedSize ?? NaN) / BYTES_PER_MB;
  }

  close(): void {
    this.socket.close();
  }

  private call(method: string): Promise<{ usedSize?: number }> {
    const id = (this.calls += 1);
    return new Promise((resolve, reject) => {
      const answered = ({ data }: MessageEvent): void => {
        const message = JSON.parse(String(data)) as { id?: number; result?: object; error?: { message: string } };
        if (message.id !== id) return;
        this.socket.removeEventListener('message', answered);
        if (message.error) reject(new Error(`${method}: ${message.error.message}`));
        else resolve(message.result ?? {});
      };
      this.socket.addEventListener('message', answered);
      this.socket.send(JSON.stringify({ id, method }));
    });
  }
}
