import { jest } from '@jest/globals';
import { DELIVERED, type Delivery } from './destination.js';
import { ExportQueue } from './export-queue.js';
import { ListBatch } from './list-batch.js';

/** An endpoint that answers when it is told to. */
class Endpoint {
  readonly batches: number[][] = [];
  readonly told: Delivery[] = [];
  private readonly answers: ((delivery: Delivery) => void)[] = [];
  readonly queue = new ExportQueue<number>(
    'a test',
    () =>
      new ListBatch<number>((batch) => {
        this.batches.push(batch);
        return new Promise((resolve) => this.answers.push(resolve));
      }),
    (delivery) => this.told.push(delivery),
  );

  get lost(): number {
    return this.told.reduce((all, { lost }) => all + lost, 0);
  }

  answer(delivery: Delivery = DELIVERED): void {
    this.answers.shift()?.(delivery);
  }
}

describe('ExportQueue', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('sends a batch when it is full, and the rest a second after its first item', async () => {
    const { queue, batches } = new Endpoint();
    for (let i = 0; i < 258; i += 1) queue.add(i);
    expect(batches.map(({ length }) => length)).toEqual([256]);
    await jest.advanceTimersByTimeAsync(999);
    expect(batches).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(batches[1]).toEqual([256, 257]);
  });

  it('holds no more than 4,096 items and four batches, however long nothing is answered', async () => {
    const endpoint = new Endpoint();
    for (let i = 0; i < 100_000; i += 1) endpoint.queue.add(i);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(endpoint.batches).toHaveLength(4);
    expect(endpoint.lost).toBe(100_000 - 4 * 256 - 4_096);
  });

  it('goes on with what waits once a batch is answered, and loses none of it', async () => {
    const endpoint = new Endpoint();
    for (let i = 0; i < 2_000; i += 1) endpoint.queue.add(i);
    for (let i = 0; i < 30; i += 1) {
      endpoint.answer();
      await jest.advanceTimersByTimeAsync(1_000);
    }
    expect(endpoint.batches.flat()).toEqual(Array.from({ length: 2_000 }, (_, i) => i));
    expect(endpoint.lost).toBe(0);
  });

  it('sends what waits at the end', async () => {
    const endpoint = new Endpoint();
    for (let i = 0; i < 1_400; i += 1) endpoint.queue.add(i);
    const ended = endpoint.queue.end(5_000);
    for (let i = 0; i < 6; i += 1) {
      endpoint.answer();
      await jest.advanceTimersByTimeAsync(1);
    }
    await ended;
    expect(endpoint.batches.flat()).toHaveLength(1_400);
    expect(endpoint.lost).toBe(0);
  });

  it('counts as lost what is not answered by the end, once', async () => {
    const endpoint = new Endpoint();
    for (let i = 0; i < 1_400; i += 1) endpoint.queue.add(i);
    const ended = endpoint.queue.end(5_000);
    await jest.advanceTimersByTimeAsync(5_000);
    await ended;
    expect(endpoint.lost).toBe(1_400);
    endpoint.answer({ lost: 128, problem: 'late' });
    await jest.advanceTimersByTimeAsync(1);
    expect(endpoint.lost).toBe(1_400);
  });

  it('holds no more than 16 MB that waits, whatever its items are', () => {
    let made = 0;
    let lost = 0;
    const begin = () => {
      made += 1;
      let size = 0;
      return {
        get size() {
          return size;
        },
        get bytes() {
          return size * 100_000;
        },
        add: () => void (size += 1),
        send: () => new Promise<Delivery>(() => undefined),
      };
    };
    const queue = new ExportQueue<number>('a test', begin, (delivery) => (lost += delivery.lost));
    for (let i = 0; i < 4_000; i += 1) queue.add(i);
    expect(made).toBeLessThan(25); // of 1.1 MB each, and four are on their way
    expect(lost).toBeGreaterThan(3_700);
  });

  it('gives a place back whose batch could not be sent', async () => {
    let lost = 0;
    const begin = () => ({ size: 256, bytes: 0, add: () => undefined, send: () => Promise.reject(new Error('no')) });
    const queue = new ExportQueue<number>('a test', begin, (delivery) => (lost += delivery.lost));
    for (let i = 0; i < 10; i += 1) {
      queue.add(i);
      await jest.advanceTimersByTimeAsync(1);
    }
    expect(lost).toBe(10 * 256);
  });
});
