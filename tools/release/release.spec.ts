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
  const second = await stage.run(`${RELEASE} canary --suffix r2 --region second`, twoRegions(100, 0), ENV);
  expect(moved(second)).toEqual([[TWO, 'blue=90', 'green=10']]);
  const refusing = {
    ...twoRegions(0, 100),
    'az containerapp ingress traffic set ca-llmrouter-dev': { stderr: 'ERROR: (Conflict) busy' },
  };
  const rollback = await stage.run(`${RELEASE} rollback --suffix r2`, refusing, ENV);
  expect(rollback).toMatchObject({ code: 1, error: '`az containerapp ingress traffic set` failed: (Conflict) busy\n' });
  expect(moved(rollback)).toEqual([
    [NAME, 'blue=100', 'green=0'],
    [TWO, 'blue=100', 'green=0'],
  ]);
});

it('with one region there is no second', async () => {
  const told = await stage.run(`${RELEASE} canary --suffix r2 --region second`, oneRegion(100, 0), ENV);
  expect(told).toMatchObject({ code: 0, error: '' });
  expect(moved(told)).toEqual([]);
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
  ['sideways', 'sideways: there is no such command.'],
  ['canary --share 10', '--share: there is no such option.'],
  ['canary --suffix', '--suffix: a value is missing.'],
  ['canary --region west', '--region west: must be first, second, all.'],
  ['canary --suffix r2 --percent ten', '--percent NaN: must be a whole number from 1 to 49'],
])('refuses %s', async (line, sentence) => {
  const told = await stage.run(`${RELEASE} ${line}`, oneRegion(100, 0), ENV);
  expect(told).toMatchObject({ code: 1 });
  expect(told.error.startsWith(sentence)).toBe(true);
});

describe('the watch over a canary', () => {
  const rows = [
    {
      TableName: 'PrimaryResult',
      side: 'old',
      at: '2026-11-27T10:00:00Z',
      requests: '90',
      errors: '1',
      p95_ms: '812.5',
      cost_usd: '0.9',
    },
    {
      TableName: 'PrimaryResult',
      side: 'new',
      at: '2026-11-27T10:00:00Z',
      requests: '10',
      errors: '0',
      p95_ms: 'NaN',
      cost_usd: 'None',
    },
  ];
  const watching = (gate: string, query: unknown = rows, minutes = '0.005') => {
    writeFileSync(
      join(stage.folder, 'samples.kql'),
      '// both\nAppTraces | where r in ("{{old}}", "{{new}}")\n| where TimeGenerated > datetime({{since}})\n',
    );
    writeFileSync(join(stage.folder, 'gate.mjs'), gate);
    const line = `node tools/release/watch.mjs --old ${NAME}--r1 --new ${NAME}--r2 --workspace 11111111-2222-3333-4444-555555555555 --query samples.kql --gate "node gate.mjs" --minutes ${minutes} --every 0.05`;
    return stage.run(line, { 'az monitor log-analytics query': query });
  };
  const keep = `import { appendFileSync, readFileSync } from 'node:fs'; appendFileSync('seen', readFileSync(0, 'utf8') + '\\n');`;
  const looks = () => stage.read('seen')!.split('\n').filter(Boolean);

  it('gives the gate both revisions, minute by minute, until its time is over', async () => {
    const told = await watching(keep);
    expect(told).toMatchObject({ code: 0, error: '' });
    expect(looks().length).toBeGreaterThan(1);
    const at = '2026-11-27T10:00:00Z';
    expect(JSON.parse(looks()[0]!)).toEqual({
      old: [{ at, requests: 90, errors: 1, p95_ms: 812.5, cost_usd: 0.9 }],
      new: [{ at, requests: 10, errors: 0, p95_ms: null, cost_usd: null }],
    });
    const query = told.calls[0]![told.calls[0]!.indexOf('--analytics-query') + 1];
    expect(query).toMatch(
      /^AppTraces \| where r in \("ca-llmrouter-dev--r1", "ca-llmrouter-dev--r2"\) \| where TimeGenerated > datetime\(2\d{3}-[^)]+Z\)$/,
    );
  });

  it('goes back at once when the gate says so', async () => {
    const told = await watching(`${keep} process.exitCode = 3;`, rows, '10');
    expect(told.code).toBe(3);
    expect(looks()).toHaveLength(1);
  });

  it('goes back when the gate still holds at the end', async () => {
    const told = await watching(`${keep} process.exitCode = 1;`);
    expect(told).toMatchObject({ code: 3, error: expect.stringContaining('the gate still holds') });
  });

  it('does not go on blindly', async () => {
    const told = await watching(
      keep,
      { stderr: 'ERROR: (BadArgumentError) The request had some invalid properties' },
      '10',
    );
    expect(told.code).toBe(1);
    expect(told.error).toContain('Nothing could be seen of the canary 4 times in a row.');
    expect(stage.read('seen')).toBeNull();
  });
});
