import { startRouter, type RouterApp } from './router-app.js';
import type { RouterConfigInput } from './router-process.js';
import { inOrder, targetOn, type TargetInput } from './router-targets.js';
import { UpstreamServer } from './upstream-server.js';

/** The default limits divided by 20: rows that wait for a limit take half a second and not ten. */
export const SCALED = { connectMs: 100, firstTokenMs: 500, idleMs: 500, plainMs: 3_000, totalMs: 30_000 };

/** A router with a primary target and one fallback, each a server of its own. */
export class FailoverPair {
  private constructor(
    readonly primary: UpstreamServer,
    readonly fallback: UpstreamServer,
    readonly router: RouterApp,
  ) {}

  /** @param changes of the configuration @param targets changes of the two targets */
  static async start(
    changes: Partial<RouterConfigInput> = {},
    targets: { primary?: Partial<TargetInput>; fallback?: Partial<TargetInput> } = {},
  ): Promise<FailoverPair> {
    const primary = await UpstreamServer.start({ model: 'primary' });
    const fallback = await UpstreamServer.start({ model: 'fallback' });
    const router = await startRouter(
      inOrder(
        [
          targetOn(primary, { tier: 'cloud', timeouts: SCALED, price: { input: 1, output: 2 }, ...targets.primary }),
          targetOn(fallback, { tier: 'cloud', timeouts: SCALED, price: { input: 1, output: 2 }, ...targets.fallback }),
        ],
        changes,
      ),
    );
    return new FailoverPair(primary, fallback, router);
  }

  /** Requests of the primary and of the fallback so far. */
  get calls(): [number, number] {
    return [this.primary.requests.length, this.fallback.requests.length];
  }

  async close(): Promise<void> {
    await this.router.close();
    await Promise.all([this.primary.close(), this.fallback.close()]);
  }
}
