import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { azurePage, PAGE } from './azure-page.js';

const TEMPLATE = 'infra/main.bicep';
const SHARED = 'infra/shared.bicepparam';

describe('the variables of docs/AZURE.md', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'router-azure-'));
    for (const folder of ['infra', 'docs']) cpSync(folder, join(root, folder), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const foundWith = async (file: string, from: RegExp, to: string) => {
    const text = readFileSync(join(root, file), 'utf8');
    expect(text).toMatch(from);
    writeFileSync(join(root, file), text.replace(from, to));
    return (await azurePage.run(root)).map(({ problem }) => problem);
  };
  const row = (parameter: string) => new RegExp(`^\\| \`${parameter}\` .*\n`, 'm');

  it('are those of the template', async () => {
    expect(await azurePage.run('.')).toEqual([]);
  });

  it.each([
    [
      'a parameter that is left out',
      PAGE,
      row('cpu'),
      '',
      ['"Variables and parameters" has the parameter cpu 0 times'],
    ],
    [
      'a parameter that nobody has',
      PAGE,
      row('cpu'),
      '$&| `cpus` | - | cores | 1 |\n',
      ['infra/main.bicep has no parameter `cpus`'],
    ],
    [
      'a parameter that stands twice',
      PAGE,
      row('cpu'),
      '$&$&',
      ['"Variables and parameters" has the parameter cpu 2 times'],
    ],
    [
      'a variable of another name',
      PAGE,
      /`API_AUDIENCE` +\|/,
      '`AUDIENCE` |',
      ['apiAudience comes from API_AUDIENCE, not from `AUDIENCE`'],
    ],
    [
      'a parameter without a default',
      PAGE,
      row('redisSku'),
      '| `redisSku` | - | size | |\n',
      ['redisSku has no meaning or no default'],
    ],
    [
      'a parameter of the template that is new',
      TEMPLATE,
      /^param cpu /m,
      'param gpu int = 0\n$&',
      ['"Variables and parameters" has the parameter gpu 0 times'],
    ],
    [
      'a variable that is read since',
      SHARED,
      /$/,
      "\nparam redisSku = readEnvironmentVariable('REDIS_SKU', 'Balanced_B0')\n",
      ['redisSku comes from REDIS_SKU, not from -'],
    ],
  ])('%s is found', async (_, file, from, to, problems) => {
    expect(await foundWith(file, from, to)).toEqual(problems);
  });
});
