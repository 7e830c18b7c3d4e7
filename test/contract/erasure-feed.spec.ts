import { RedisErasureFeed } from '../../src/modules/session/adapters/redis.erasure-feed.js';
import { redisPlace } from '../support/redis-place.js';
import { eventually } from '../support/router-calls.js';
import { FOREIGN_KEY, KEY } from './session-samples.js';

describe('erasure feed on a real redis-server', () => {
  const place = redisPlace();

  it('tells every other replica once, in order', async () => {
    const [one, two, three] = [
      new RedisErasureFeed(place.redis),
      new RedisErasureFeed(place.redis),
      new RedisErasureFeed(place.redis),
    ];
    await one.post(KEY, 5);
    await two.post(FOREIGN_KEY, 6);
    const [first, second] = [
      { key: KEY, at: 5 },
      { key: FOREIGN_KEY, at: 6 },
    ];
    expect([await one.news(), await two.news(), await three.news()]).toEqual([[second], [first], [first, second]]);
    expect([await one.news(), await two.news(), await three.news()]).toEqual([[], [], []]);
    await three.post(KEY, 7);
    expect(await one.news()).toEqual([{ key: KEY, at: 7 }]);
  });

  it('tells in pages, and misses none while Redis was away', async () => {
    const [one, two] = [new RedisErasureFeed(place.redis), new RedisErasureFeed(place.redis)];
    for (let n = 0; n < 501; n += 1) await one.post(KEY, n);
    expect([(await two.news()).length, (await two.news()).length, (await two.news()).length]).toEqual([500, 1, 0]);
  });

  it('goes on when Redis has lost everything', async () => {
    const [one, two] = [new RedisErasureFeed(place.redis), new RedisErasureFeed(place.redis)];
    await one.post(KEY, 1);
    await two.news();
    await place.redis.run((client) => client.flushall());
    const now = Date.now(); // ids of the stream are milliseconds; a server takes longer to come back
    await eventually('the next millisecond', 1_000, () => Date.now() > now + 1);
    await one.post(KEY, 2);
    expect(await two.news()).toEqual([{ key: KEY, at: 2 }]);
  });

  it('skips what it does not understand', async () => {
    const feed = new RedisErasureFeed(place.redis);
    await place.redis.run((client) => client.xadd('{erasures}:sessions', '*', 'x', 'y'));
    expect(await feed.news()).toEqual([]);
  });
});
