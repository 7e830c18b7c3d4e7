import { StoreUnavailable } from '../../common/store-unavailable.js';
import type { ReplicaBoard } from './replica-board.js';
import { ReplicaRoll } from './replica-roll.js';

/** A board that says what it is told to; `null` = away. */
class SetBoard implements ReplicaBoard {
  left = 0;
  constructor(public says: number | null) {}
  async announce(): Promise<number> {
    if (this.says === null) throw new StoreUnavailable('away');
    return this.says;
  }
  async leave(): Promise<void> {
    if (this.says === null) throw new StoreUnavailable('away');
    this.left += 1;
  }
}

describe('ReplicaRoll', () => {
  it('expects what is configured until a board has told', async () => {
    const roll = new ReplicaRoll(new SetBoard(null), new SetBoard(null), 4);
    expect(roll.count).toBe(4);
    await roll.call();
    expect(roll.count).toBe(4);
    expect(new ReplicaRoll(new SetBoard(null), null, 1).count).toBe(1);
  });

  it('believes Redis first, and the table only while Redis is away', async () => {
    const [redis, table] = [new SetBoard(null), new SetBoard(3)];
    const roll = new ReplicaRoll(redis, table, 9);
    await roll.call();
    expect(roll.count).toBe(3);
    redis.says = 2;
    await roll.call();
    expect(roll.count).toBe(2);
    table.says = 5;
    redis.says = null;
    await roll.call();
    expect(roll.count).toBe(5);
  });

  it('keeps the number from Redis when it alone cannot reach it', async () => {
    const [redis, table] = [new SetBoard(3), new SetBoard(1)];
    const roll = new ReplicaRoll(redis, table, 1);
    await roll.call();
    redis.says = null;
    await roll.call();
    expect(roll.count).toBe(3);
  });

  it('signs off where it had signed on', async () => {
    const [redis, table] = [new SetBoard(1), new SetBoard(1)];
    const roll = new ReplicaRoll(redis, table, 1);
    await roll.call();
    await roll.close();
    expect([redis.left, table.left]).toEqual([1, 0]);
    const without = new ReplicaRoll(new SetBoard(null), table, 1);
    await without.call();
    await without.close();
    expect(table.left).toBe(1);
  });
});
