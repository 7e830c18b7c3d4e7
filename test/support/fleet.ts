import { eventually } from './router-calls.js';
import type { RouterConfigInput, RouterProcess } from './router-process.js';
import { READINESS_POLL_MS, readinessOf, StoreStack, type Readiness } from './store-stack.js';
import { UpstreamServer } from './upstream-server.js';

const READY_MS = 20_000;

/** Replicas of the service, the stores they share and the model server behind them. */
export class Fleet {
  /** Those that run; a test that stops one takes it out. */
  readonly replicas: RouterProcess[] = [];

  private constructor(
    readonly stack: StoreStack,
    readonly upstream: UpstreamServer,
    private readonly changes: Partial<RouterConfigInput>,
  ) {}

  /** @param changes of the configuration of every replica */
  static async start(count = 3, changes: Partial<RouterConfigInput> = {}): Promise<Fleet> {
    const [stack, upstream] = await Promise.all([StoreStack.start(), UpstreamServer.start()]);
    const fleet = new Fleet(stack, upstream, changes);
    await fleet.add(count).catch(async (error: unknown) => {
      await fleet.close();
      throw error;
    });
    return fleet;
  }

  get urls(): string[] {
    return this.replicas.map(({ url }) => url);
  }

  /** More replicas, all at once; resolves when `/ready` of each has the status. */
  async add(count: number, status = 'ready'): Promise<void> {
    const one = async () => void this.replicas.push(await this.create(status));
    await Promise.all(Array.from({ length: count }, one));
  }

  /** One that does not belong to `replicas` yet. */
  create(status = 'ready'): Promise<RouterProcess> {
    return this.stack.replica(this.upstream, this.changes, status);
  }

  async allAre(status: string): Promise<void> {
    await this.allSay(`every replica is ${status}`, (readiness) => readiness.status === status);
  }

  async allSay(what: string, isSo: (readiness: Readiness) => boolean): Promise<void> {
    let said: Readiness[] = [];
    const allSayIt = async () => (said = await Promise.all(this.replicas.map(readinessOf))).every(isSo);
    await eventually(what, READY_MS, allSayIt, READINESS_POLL_MS).catch((error: unknown) => {
      throw new Error(JSON.stringify(said), { cause: error });
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.kill()));
    await this.stack.close();
    await this.upstream.close();
  }
}
