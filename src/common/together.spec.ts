import { spawnSync } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { together } from './together.js';

const goOn = (): Promise<void> => new Promise(together);

describe('together', () => {
  it('has all that came in one turn go on in step, after whatever the turn still does', async () => {
    const log: string[] = [];
    const request = async (name: string): Promise<void> => {
      await goOn();
      log.push(`${name} decides`);
      await Promise.resolve();
      log.push(`${name} calls`);
    };
    const requests = [request('a'), request('b')];
    log.push('all is read');
    await Promise.all(requests);
    expect(log).toEqual(['all is read', 'a decides', 'b decides', 'a calls', 'b calls']);
  });

  it('gives the sockets a turn after 32 of them', async () => {
    let gone = 0;
    for (let i = 0; i < 100; i += 1) together(() => (gone += 1));
    const seen: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      await turn();
      seen.push(gone);
    }
    expect(seen).toEqual([32, 64, 96, 100, 100]);
  });

  it('goes on with the others when one throws, which the process hears of', () => {
    const code = `
      import { together } from '${new URL('together.ts', import.meta.url).href}';
      process.on('uncaughtException', ({ message }) => console.log(message));
      for (const name of ['a', 'b', 'c']) together(() => { if (name === 'b') throw new Error('fault of b'); console.log(name); });
    `;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
    expect(stdout.split('\n')).toEqual(['a', 'fault of b', 'c', '']);
  });
});
