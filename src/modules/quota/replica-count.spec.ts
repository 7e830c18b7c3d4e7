import { StoreUnavailable } from '../../common/store-unavailable.js';
import { ReplicaCount, type ReplicaRegistry } from './replica-count.js';

/** A registry that says what it is told to; `null` = away. */
class SetRegistry implements ReplicaRegistry {
  left = 0;
  constructor(public says: number | null) {}
  async heartbeat(): Promise<number> {
    if (this.says === null) throw new StoreUnavailable('away');
    return this.says;
  }
  async deregister(): Promise<void> {
    if (this.says === null) throw new StoreUnavailable('away');
    this.left += 1;
  }
}

describe('ReplicaCount', () => {
  it('expects what is configured until a registry has told', async () => {
    const replicas = new ReplicaCount(new SetRegistry(null), new SetRegistry(null), 4);
    expect(replicas.value).toBe(4);
    await replicas.heartbeat();
    expect(replicas.value).toBe(4);
    expect(new ReplicaCount(new SetRegistry(null), null, 1).value).toBe(1);
  });

  it('believes Redis first, and the table only while Redis is away', async () => {
    const [redis, table] = [new SetRegistry(null), new SetRegistry(3)];
    const replicas = new ReplicaCount(redis, table, 1);
    await replicas.heartbeat();
    expect(replicas.value).toBe(3);
    redis.says = 2;
    await replicas.heartbeat();
    expect(replicas.value).toBe(2);
    table.says = 5;
    redis.says = null;
    await replicas.heartbeat();
    expect(replicas.value).toBe(5);
  });

  it('counts on those that are expected while it has only just started: they may be starting, too', async () => {
    let now = 0;
    const replicas = new ReplicaCount(new SetRegistry(1), null, 3, () => now);
    await replicas.heartbeat();
    now = 9_999;
    expect(replicas.value).toBe(3);
    now = 10_000;
    expect(replicas.value).toBe(1);
  });

  it('keeps the number from Redis when it alone cannot reach it', async () => {
    const [redis, table] = [new SetRegistry(3), new SetRegistry(1)];
    const replicas = new ReplicaCount(redis, table, 1);
    await replicas.heartbeat();
    redis.says = null;
    await replicas.heartbeat();
    expect(replicas.value).toBe(3);
  });

  it('signs off where it had signed on', async () => {
    const [redis, table] = [new SetRegistry(1), new SetRegistry(1)];
    const replicas = new ReplicaCount(redis, table, 1);
    await replicas.heartbeat();
    await replicas.onApplicationShutdown();
    expect([redis.left, table.left]).toEqual([1, 0]);
    const without = new ReplicaCount(new SetRegistry(null), table, 1);
    await without.heartbeat();
    await without.onApplicationShutdown();
    expect([redis.left, table.left]).toEqual([1, 1]);
  });
});
