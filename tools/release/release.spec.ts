import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { appWith, resource, revision } from '../azd/recorded/answers.js';
import { Stage } from '../azd/recorded/stage.js';

const ENV = { AZURE_ENV_NAME: 'dev', AZURE_LOCATION: 'swedencentral' };
const RELEASE = 'node tools/release/release.mjs';
const NAME = 'ca-llmrouter-dev';
const traffic = (blue: number, green: number, name = NAME) => [
  { label: 'blue', revisionName: `${name}--r1`, weight: blue },
  { label: 'green', revisionName: `${name}--r2`, weight: green },
];
const revisions = (name = NAME) => ['r1', 'r2'].map((suffix) => revision(`${name}--${suffix}`));
const oneRegion = (blue: number, green: number) => ({
  'az resource list Microsoft.App/containerApps': [resource('Microsoft.App/containerApps', NAME)],
  'az containerapp show': appWith(traffic(blue, green)),
  'az containerapp revision list': revisions(),
  'az containerapp ingress traffic set': {},
});
const TWO = 'ca-llmrouter-dev-2';
const twoRegions = (blue: number, green: number) => ({
  ...oneRegion(blue, green),
  'az resource list Microsoft.App/containerApps': [
    resource('Microsoft.App/containerApps', TWO, 'westeurope'),
    resource('Microsoft.App/containerApps', NAME),
  ],
  [`az containerapp show ${TWO}`]: appWith(traffic(blue, green, TWO), undefined, 'West Europe', TWO),
  [`az containerapp revision list ${TWO}`]: revisions(TWO),
});

let stage: Stage;
beforeEach(() => (stage = new Stage()));
afterEach(() => stage.remove());
const moved = ({ calls }: Awaited<ReturnType<Stage['run']>>) =>
  calls
    .filter((call) => call.includes('set'))
    .map((call) => [call[call.indexOf('-n') + 1], ...call.slice(call.indexOf('--label-weight') + 1, -3)]);

it('moves a tenth, all, and back', async () => {
  const canary = await stage.run(`${RELEASE} canary --suffix r2`, oneRegion(100, 0), ENV);
  expect(canary).toMatchObject({ code: 0, error: '' });
  expect(moved(canary)).toEqual([[NAME, 'blue=90', 'green=10']]);
  const promote = await stage.run(`${RELEASE} promote --suffix r2`, oneRegion(90, 10), ENV);
  expect(moved(promote)).toEqual([[NAME, 'blue=0', 'green=100']]);
  const rollback = await stage.run(`${RELEASE} rollback`, oneRegion(90, 10), { ...ENV, REVISION_SUFFIX: 'r2' });
  expect(moved(rollback)).toEqual([[NAME, 'blue=100', 'green=0']]);
});

it('begins in the first region, and goes back in both even when one refuses', async () => {
  const first = await stage.run(`${RELEASE} canary --suffix r2 --region first --percent 5`, twoRegions(100, 0), ENV);
  expect(moved(first)).toEqual([[NAME, 'blue=95', 'green=5']]);
  const begun = {
    ...twoRegions(100, 0),
    'az containerapp show ca-llmrouter-dev': appWith(traffic(90, 10)),
  };
  const second = await stage.run(`${RELEASE} canary --suffix r2 --region second`, begun, ENV);
  expect(moved(second)).toEqual([[TWO, 'blue=90', 'green=10']]);
  const refusing = {
    ...twoRegions(0, 100),
    'az containerapp ingress traffic set ca-llmrouter-dev': { stderr: 'ERROR: (Conflict) busy' },
  };
  const rollback = await stage.run(`${RELEASE} rollback --suffix r2`, refusing, ENV);
  expect(rollback).toMatchObject({
    code: 1,
    error: `${NAME} (swedencentral): \`az containerapp ingress traffic set\` failed: (Conflict) busy\n`,
  });
  expect(moved(rollback)).toEqual([
    [NAME, 'blue=100', 'green=0'],
    [TWO, 'blue=100', 'green=0'],
  ]);
});

it.each([
  ['rollback', 1],
  ['promote', 0],
])('%s goes on where it can when a region is away, and names it', async (command, blue) => {
  const away = {
    ...twoRegions(0, 100),
    'az containerapp show ca-llmrouter-dev-2': { stderr: 'ERROR: (Gateway) away' },
  };
  const told = await stage.run(`${RELEASE} ${command} --suffix ${blue === 1 ? 'r2' : 'r1'}`, away, ENV);
  expect(told.code).toBe(1);
  expect(told.error).toBe(`${TWO} (westeurope): \`az containerapp show\` failed: (Gateway) away\n`);
  expect(moved(told)).toEqual([[NAME, 'blue=100', 'green=0']]);
});

it('half each in one region keeps no region from going back', async () => {
  const half = {
    ...twoRegions(0, 100),
    'az containerapp show ca-llmrouter-dev-2': appWith(traffic(50, 50, TWO), undefined, 'West Europe', TWO),
  };
  const told = await stage.run(`${RELEASE} rollback --suffix r2`, half, ENV);
  expect(told).toMatchObject({ code: 0, error: '' });
  expect(moved(told).map(([name]) => name)).toEqual([NAME, TWO]);
});

it('a canary that somebody took back in the first region does not begin in the second', async () => {
  const told = await stage.run(`${RELEASE} canary --suffix r2 --region second`, twoRegions(100, 0), ENV);
  expect(told).toMatchObject({ code: 1, error: expect.stringContaining('r2 has no traffic in the first region') });
  expect(moved(told)).toEqual([]);
});

it.each([
  ['canary --suffix r2 --region second', oneRegion(100, 0), {}, '--region second: there is no second region, only '],
  ['promote --suffix r2 --region first', oneRegion(90, 10), { AZURE_LOCATION: '' }, 'AZURE_LOCATION is not set: '],
  [
    'rollback',
    oneRegion(90, 10),
    {},
    `${NAME}: no label is on a revision (none was named: --suffix); blue is r1, green is r2.`,
  ],
  ['rollback --suffix r7', oneRegion(90, 10), {}, `${NAME}: no label is on a revision r7; blue is r1, green is r2.`],
  [
    'rollback --suffix r7',
    twoRegions(90, 10),
    {},
    `${NAME}: no label is on a revision r7; blue is r1, green is r2.\n${TWO}: `,
  ],
])('%s is told what is wrong', async (line, answers, env, sentence) => {
  const told = await stage.run(`${RELEASE} ${line}`, answers, { ...ENV, ...env });
  expect(told).toMatchObject({ code: 1, out: '' });
  expect(told.error.startsWith(sentence)).toBe(true);
  expect(moved(told)).toEqual([]);
});

it.each(['status', 'canary', 'promote --suffix r2 --region first', 'promote-canary', 'rollback --suffix r2', 'tidy'])(
  'where there is no app, %s says so',
  async (line) => {
    const told = await stage.run(`${RELEASE} ${line}`, oneRegion(100, 0), { ...ENV, AZURE_ENV_NAME: 'prod' });
    expect(told).toMatchObject({ code: 1, out: '' });
    expect(told.error).toMatch(/^No app carries the tag azd-env-name=prod: is AZURE_ENV_NAME right, /);
  },
);

it('a revision may be named as a whole, and goes back in every region', async () => {
  const told = await stage.run(`${RELEASE} rollback --suffix ${TWO}--r2`, twoRegions(0, 100), ENV);
  expect(told).toMatchObject({ code: 0, error: '' });
  expect(moved(told).map(([name]) => name)).toEqual([NAME, TWO]);
});

it('a release that failed before its revision was made has nothing to go back from', async () => {
  const told = await stage.run(`${RELEASE} rollback --suffix r7 --if-there`, oneRegion(100, 0), ENV);
  expect(told).toMatchObject({ code: 0, error: '', out: expect.stringContaining('rollback changes nothing') });
  const none = await stage.run(`${RELEASE} rollback --if-there`, oneRegion(100, 0), { AZURE_ENV_NAME: 'prod' });
  expect(none).toMatchObject({ code: 0, error: '', out: expect.stringContaining('No app') });
});

it('tells a workflow what the later steps need', async () => {
  const file = join(stage.folder, 'outputs');
  writeFileSync(file, '');
  const waiting = await stage.run(`${RELEASE} status --suffix r2`, oneRegion(100, 0), { ...ENV, GITHUB_OUTPUT: file });
  expect(JSON.parse(waiting.out)).toMatchObject({ fresh: true, label: 'green', regions: 1, apps: [{ name: NAME }] });
  expect(stage.read('outputs')!.split('\n')).toEqual([
    ...['regions=1', 'label=green', `new_revision=${NAME}--r2`, `old_revision=${NAME}--r1`],
    ...['new_revision_second=', 'old_revision_second=', 'fresh=true', 'canary_percent=0', ''],
  ]);
  const both = await stage.run(`${RELEASE} status --suffix r2`, twoRegions(100, 0), ENV);
  expect(JSON.parse(both.out)).toMatchObject({
    regions: 2,
    new_revision_second: `${TWO}--r2`,
    apps: [{ name: NAME }, { name: TWO }],
  });
  const again = await stage.run(`${RELEASE} status --suffix r1`, oneRegion(100, 0), ENV);
  expect(JSON.parse(again.out)).toMatchObject({ fresh: false, label: 'blue' });
});

it.each([
  ['', 'A command is missing.\n\nUsage: '],
  ['sideways', 'sideways: there is no such command.'],
  ['toString', 'toString: there is no such command.'],
  ['canary --share 10', '--share: there is no such option.'],
  ['canary --suffix', '--suffix: a value is missing.'],
  ['canary --region west', '--region west: must be first, second, all.'],
  ['canary --suffix r2 --percent ten', '--percent NaN: must be a whole number from 1 to 49'],
  ['canary --suffix r2 --percent 200', '--percent 200: must be a whole number from 1 to 49'],
  ['rollback --suffix r2 --region first', '--region first: a rollback goes back in all regions'],
  ['tidy --region second', '--region second: tidy is of all regions'],
  ['promote --suffix r2 --if-there', '--if-there: only rollback has it'],
])('refuses "%s" before Azure is asked', async (line, sentence) => {
  const told = await stage.run(`${RELEASE} ${line}`, oneRegion(100, 0), ENV);
  expect(told).toMatchObject({ code: 1, out: '', calls: [] });
  expect(told.error.startsWith(sentence)).toBe(true);
});

it.each([
  ['prd', 'AZURE_ENV_NAME is "prd": it names the environment, dev, staging, prod.\n'],
  ['', 'AZURE_ENV_NAME is not set: it names the environment, dev, staging, prod.\n'],
])('an environment "%s" is none', async (name, error) => {
  const told = await stage.run(`${RELEASE} rollback --suffix r2`, oneRegion(0, 100), { ...ENV, AZURE_ENV_NAME: name });
  expect(told).toMatchObject({ code: 1, error, calls: [] });
});

describe('the watch over a canary', () => {
  const rows = [{ TableName: 'PrimaryResult', revision: `${NAME}--r1`, requests: '90' }];
  /** Stands in for `npm run gate`: makes a query, keeps what it is given, and says what the test wants. */
  const gate = (decides: string) => `
    import { appendFileSync, readFileSync } from 'node:fs';
    const args = process.argv.slice(2);
    if (args[0] === '--query') console.log('AppTraces | where x in (' + args.slice(1).join(' ') + ')');
    else {
      appendFileSync('seen', readFileSync(args[1], 'utf8') + '\\n');
      const looks = readFileSync('seen', 'utf8').split('\\n').length - 1;
      console.log('{"decision":"..."}');
      process.exitCode = (${decides})(looks);
    }`;
  const watching = (
    decides: string,
    {
      query,
      minutes = 0.02,
      grace = 0.02,
      more = '',
    }: { query?: unknown; minutes?: number; grace?: number; more?: string } = {},
  ) => {
    writeFileSync(join(stage.folder, 'gate.mjs'), gate(decides));
    const line = `node tools/release/watch.mjs --old ${NAME}--r1 --new ${NAME}--r2 --workspace 11111111-2222-3333-4444-555555555555 --gate "node gate.mjs" --minutes ${minutes} --grace ${grace} --every 0.05 ${more}`;
    return stage.run(line, { 'az monitor log-analytics query': query ?? rows });
  };
  const looks = () => (stage.read('seen') ?? '').split('\n').filter(Boolean);

  it('gives the gate what its query found, again and again, and promotes when the time is over', async () => {
    const begun = Date.now();
    const told = await watching('() => 0');
    expect(told).toMatchObject({ code: 0, error: '' });
    expect(Date.now() - begun).toBeGreaterThanOrEqual(1_200);
    expect(looks().length).toBeGreaterThan(1);
    expect(JSON.parse(looks()[0]!)).toEqual(rows);
    const call = told.calls[0]!;
    expect(call[call.indexOf('--analytics-query') + 1]).toMatch(
      /^AppTraces \| where x in \(--old ca-llmrouter-dev--r1 --new ca-llmrouter-dev--r2 --since 2\d{3}-\S+Z\)$/,
    );
  });

  it('goes back at once when the gate says so', async () => {
    expect(await watching('() => 3', { minutes: 10 })).toMatchObject({ code: 3 });
    expect(looks()).toHaveLength(1);
  });

  it('waits a little longer while the gate holds', async () => {
    expect(await watching('(looks) => (looks < 3 ? 1 : 0)', { minutes: 0.001, grace: 10 })).toMatchObject({ code: 0 });
    expect(looks()).toHaveLength(3);
  });

  it('goes back when the gate still holds at the end', async () => {
    const told = await watching('() => 1', { minutes: 0.005, grace: 0.005 });
    expect(told).toMatchObject({ code: 3, error: expect.stringContaining('the gate still holds') });
  });

  it.each<[string, unknown, string, number]>([
    ['a standby that nobody asks follows the first region', [], '--standby-ok', 0],
    ['only the new one is idle', rows, '--standby-ok', 3],
    ['a region that should have traffic has none', [], '', 3],
    ['a standby that could not be seen', { stderr: 'ERROR: (Timeout) away' }, '--standby-ok', 1],
  ])('%s', async (_, query, more, code) => {
    const told = await watching('() => 1', { query, minutes: 0.01, grace: 0.02, more });
    expect(told.code).toBe(code);
    expect(told.out.includes("a standby without traffic follows the first region's verdict")).toBe(code === 0);
  });

  it('tells the gate the weight of the canary when it decides, not when it asks', async () => {
    const told = await watching('() => (args.join(" ").endsWith("--weight 10") ? 3 : 0)', { more: '--weight 10' });
    expect(told.code).toBe(3);
    expect(told.calls[0]!.join(' ')).not.toContain('--weight');
  });

  it.each(['--weight 0', '--weight ten', '--toString x', '--weight'])('refuses %s', async (more) => {
    expect(await watching('() => 0', { more })).toMatchObject({
      code: 1,
      calls: [],
      error: expect.stringContaining(more.split(' ')[0]!),
    });
  });

  it.each([
    [
      'Azure does not answer',
      '() => 0',
      { stderr: 'ERROR: (BadArgumentError) invalid properties' },
      '(BadArgumentError) invalid properties',
    ],
    ['the gate fails', '() => 2', rows, 'The gate ended with exit code 2.'],
  ])('does not go on blindly: %s', async (_, decides, query, why) => {
    const told = await watching(decides, { query, minutes: 10 });
    expect(told.code).toBe(1);
    expect(told.error).toContain(why);
    expect(told.error).toContain('Nothing could be seen of the canary 4 times in a row.');
  });

  it('takes names of revisions alone', async () => {
    const told = await stage.run(`node tools/release/watch.mjs --old 'a;b' --new ${NAME}--r2`, {});
    expect(told).toMatchObject({ code: 1, error: '--old "a;b": must be the name of a revision.\n' });
  });
});
