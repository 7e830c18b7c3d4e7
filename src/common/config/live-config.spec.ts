import { routerConfigSchema } from './config.schema.js';
import { LiveConfig } from './live-config.js';

const target = (id: string) => ({ id, tier: 'local', provider: 'simulated' });
const config = (ids: string[], models: unknown[] = []) =>
  routerConfigSchema.parse({ targets: ids.map(target), models });

describe('the model auto', () => {
  it('is every target in order when nobody configured it', () => {
    const live = new LiveConfig(config(['b', 'a'], [{ name: 'm', targets: ['a'] }]), null);
    expect(live.current.models.map(({ name }) => name)).toEqual(['auto', 'm']);
    const auto = { name: 'auto', strategy: 'hybrid', targets: ['b', 'a'], strongShare: 0.4, cache: true };
    expect(live.current.models[0]).toEqual(auto);
  });

  it('stays as it was configured', () => {
    const written = config(['a', 'b'], [{ name: 'auto', strategy: 'cost', targets: ['b'] }]);
    expect(new LiveConfig(written, null).current).toBe(written);
  });

  it('does not exist without targets', () => expect(new LiveConfig(config([]), null).current.models).toEqual([]));

  it('follows the targets when they change, and listeners see it', async () => {
    const live = new LiveConfig(config(['a']), null);
    const seen: string[][] = [];
    live.onChange((next) => void seen.push(next.models.flatMap(({ targets }) => targets)));
    await live.replace({ ...live.written, targets: config(['a', 'c']).targets });
    await live.replace({ ...live.written, targets: [] });
    expect(seen).toEqual([['a', 'c'], []]);
  });

  it('has what is derived from it made anew when it was replaced, and only then', async () => {
    const live = new LiveConfig(config(['a']), null);
    let made = 0;
    const ids = live.derived(({ targets }) => `${(made += 1)}: ${targets.map(({ id }) => id).join()}`);
    expect([made, ids(), ids()]).toEqual([0, '1: a', '1: a']);
    await live.replace(config(['b']));
    expect(ids()).toBe('2: b');
  });
});
