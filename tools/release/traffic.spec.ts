import { appWith, revision, type Weighted } from '../azd/recorded/answers.js';
import { readApp, readLabels } from './standing.mjs';
import {
  canaryCommands,
  liveParameters,
  promoteCommands,
  releaseParameters,
  revisionSuffix,
  rollbackCommands,
  rollbackWarning,
  tidyCommands,
} from './traffic.mjs';

const NAME = 'ca-llmrouter-dev';
const on = (label: string, suffix: string, weight: number): Weighted => ({
  label,
  revisionName: `${NAME}--${suffix}`,
  weight,
});
const IMAGE = 'acr.azurecr.io/router:1';
const STEADY = [on('blue', 'r1', 100), on('green', 'r0', 0)];
const CANARY = [on('blue', 'r1', 90), on('green', 'r2', 10)];
const PROMOTED = [on('blue', 'r1', 0), on('green', 'r2', 100)];
const REVISIONS = ['r0', 'r1', 'r2'].map((suffix) => revision(`${NAME}--${suffix}`));
const appOf = (traffic: readonly Weighted[], revisions = REVISIONS, location?: string) =>
  readApp(appWith(traffic, undefined, location), revisions);
const TO = ['-n', NAME, '-g', 'rg-llmrouter-dev'];
const weights = (...labels: string[]) => [
  'containerapp',
  'ingress',
  'traffic',
  'set',
  ...TO,
  '--label-weight',
  ...labels,
];

describe('the suffix of a revision', () => {
  it('is the same for the same, and another one as soon as anything differs', () => {
    const of = (commit: string, ...parts: string[]) => revisionSuffix(commit, parts);
    expect(of('ABCDEF0123', 'image', 'bicep')).toBe(of('abcdef0999', 'image', 'bicep'));
    const all = [of('abcdef0', 'image', 'bicep'), of('abcdef1', 'image', 'bicep'), of('abcdef0', 'image:2', 'bicep')];
    expect(new Set([...all, of('abcdef0', 'image', 'bicep2'), of('abcdef0', 'imageb', 'icep')]).size).toBe(5);
  });

  it.each(['', 'abcdef0123456789abcdef0123456789abcdef01', 'HEAD'])('is a name for Container Apps: %s', (commit) => {
    const suffix = revisionSuffix(commit, ['image']);
    expect(suffix).toMatch(/^[a-z]([a-z0-9]|-(?!-))*[a-z0-9]$/);
    expect(`${'a'.repeat(32)}--${suffix}`.length).toBeLessThanOrEqual(54);
  });
});

describe('which label is production', () => {
  it('the one that has more of the traffic', () => {
    expect(appOf(STEADY)).toMatchObject({ production: 'blue', idle: 'green', suffixes: { blue: 'r1', green: 'r0' } });
    expect(appOf(PROMOTED)).toMatchObject({ production: 'green', idle: 'blue', weights: { blue: 0, green: 100 } });
    expect(appOf([on('blue', 'r1', 100)])).toMatchObject({ production: 'blue', suffixes: { blue: 'r1', green: '' } });
  });

  it.each<[string, Weighted[], RegExp]>([
    ['the latest revision', [{ latestRevision: true, weight: 100 }], /follows the latest revision.*--revision-weight/],
    [
      'a revision without label',
      [{ revisionName: `${NAME}--r9`, weight: 100 }],
      /100 % .* has neither label.*label add/,
    ],
    [
      'one revision with both',
      [on('blue', 'r1', 100), on('green', 'r1', 0)],
      /both labels are on .*--r1.*label remove/,
    ],
    ['half each', [on('blue', 'r1', 50), on('green', 'r2', 50)], /50 % each/],
    ['nobody', [on('blue', 'r1', 0)], /no label has traffic/],
  ])('is not guessed when traffic goes to %s', (_, traffic, sentence) => {
    expect(() => appOf(traffic)).toThrow(sentence);
  });
});

describe('a new revision', () => {
  const parameters = (production: string, blue: string, green: string, canary: string, suffix: string) => ({
    PRODUCTION_LABEL: production,
    BLUE_REVISION: blue,
    GREEN_REVISION: green,
    CANARY_PERCENT: canary,
    REVISION_SUFFIX: suffix,
  });

  it('is blue where there is none yet', () => {
    expect(releaseParameters([], 'r3', IMAGE)).toEqual(parameters('blue', 'r3', '', '0', 'r3'));
  });

  it('gets the idle label, and no traffic', () => {
    expect(releaseParameters([appOf(STEADY)], 'r3', IMAGE)).toEqual(parameters('blue', 'r1', 'r3', '0', 'r3'));
    expect(releaseParameters([appOf(PROMOTED)], 'r3', IMAGE)).toEqual(parameters('green', 'r3', 'r2', '0', 'r3'));
  });

  it('is none when the same is released again: weights stay, also those of a canary', () => {
    expect(releaseParameters([appOf(STEADY)], 'r1', IMAGE)).toEqual(parameters('blue', 'r1', 'r0', '0', 'r1'));
    expect(releaseParameters([appOf(CANARY)], 'r2', IMAGE)).toEqual(parameters('blue', 'r1', 'r2', '10', 'r2'));
    expect(releaseParameters([appOf(PROMOTED)], 'r2', IMAGE)).toEqual(parameters('green', 'r1', 'r2', '0', 'r2'));
  });

  it('waits for an unfinished canary', () => {
    expect(() => releaseParameters([appOf(CANARY)], 'r3', IMAGE)).toThrow(
      /^A canary is under way: 10 % .*--r2 \(green\)\. Finish it first: .*promote --suffix r2 \(or rollback\)/,
    );
  });

  it('that has failed is not made again', () => {
    const revisions = [...REVISIONS, revision(`${NAME}--r3`, false, 'Failed')];
    expect(() => releaseParameters([appOf(STEADY, revisions)], 'r3', IMAGE)).toThrow(
      /--r3 has failed before.*logs show/,
    );
  });

  it('comes up in both regions, which must stand alike', () => {
    const second = appOf(STEADY, REVISIONS, 'West Europe');
    expect(releaseParameters([appOf(STEADY), second], 'r3', IMAGE, 2)).toEqual(
      parameters('blue', 'r1', 'r3', '0', 'r3'),
    );
    const ahead = appOf(PROMOTED, REVISIONS, 'West Europe');
    expect(() => releaseParameters([appOf(CANARY), ahead], 'r3', IMAGE, 2)).toThrow(
      /Sweden Central and West Europe stand differently.*rollback --suffix r2/,
    );
    const canaryInOne = [
      appOf(PROMOTED),
      appOf([on('blue', 'r1', 10), on('green', 'r2', 90)], REVISIONS, 'West Europe'),
    ];
    expect(() => releaseParameters(canaryInOne, 'r3', IMAGE, 2)).toThrow(/canary is under way/);
  });

  it('does not begin, and no weight is carried over, while one region has a canary', () => {
    const apps = [appOf(CANARY), appOf([on('blue', 'r1', 100), on('green', 'r2', 0)], REVISIONS, 'West Europe')];
    const sentence = /a canary is under way in one region: promote or roll back first: .*--suffix r2/;
    expect(() => liveParameters(apps)).toThrow(sentence);
    expect(() => liveParameters(apps.toReversed())).toThrow(sentence);
    expect(() => releaseParameters(apps, 'r2', apps[0]!.image, 2)).toThrow(sentence);
  });

  it('of a region that is new is what production runs, when that is also the newest', () => {
    const live = { ...appOf(PROMOTED), latestSuffix: 'r2' };
    const added = parameters('green', '', 'r2', '0', 'r2');
    expect(releaseParameters([live], 'r3', live.image, 2)).toEqual(added);
    expect(liveParameters([live], 2)).toEqual(added);
  });

  it('waits until a region that is new has what production runs', () => {
    expect(() => releaseParameters([appOf(CANARY)], 'r3', IMAGE, 2)).toThrow(/^A canary is under way: 10 % .*--r2/);
    expect(() => liveParameters([appOf(CANARY)], 2)).toThrow(/^A canary is under way: 10 % .*--r2/);
    expect(() => releaseParameters([appOf(PROMOTED)], 'r3', 'acr.azurecr.io/router:2', 2)).toThrow(
      /router:2 is not the image that runs \(.*router:1\): .*ROUTER_DEPLOYMENT=as-is azd provision, then release/,
    );
    const backAgain = { ...appOf(PROMOTED), latestSuffix: 'r3' };
    expect(() => liveParameters([backAgain], 2)).toThrow(/newest revision, r3, but production runs r2: promote/);
  });

  it('is none for a drift check', () => {
    expect(liveParameters([appOf(CANARY)])).toEqual(parameters('blue', 'r1', 'r2', '10', 'r1'));
    expect(liveParameters([])).toEqual(parameters('blue', '', '', '0', ''));
  });
});

describe('traffic', () => {
  const waiting = appOf([on('blue', 'r1', 100), on('green', 'r2', 0)]);

  it('goes to a canary in part, to the promoted all, and back', () => {
    expect(canaryCommands(waiting, 'r2', 10)).toEqual([weights('blue=90', 'green=10')]);
    expect(promoteCommands(appOf(CANARY), 'r2')).toEqual([weights('blue=0', 'green=100')]);
    expect(rollbackCommands(appOf(CANARY), 'r2')).toEqual([weights('blue=100', 'green=0')]);
    expect(rollbackCommands(appOf(PROMOTED), 'r2')).toEqual([weights('blue=100', 'green=0')]);
  });

  it('does not go back to a canary that somebody took back', () => {
    expect(promoteCommands(appOf(CANARY), 'r2', true)).toEqual([weights('blue=0', 'green=100')]);
    expect(promoteCommands(appOf(PROMOTED), 'r2', true)).toEqual([]);
    expect(() => promoteCommands(waiting, 'r2', true)).toThrow(/r2 \(green\) has no traffic any more/);
  });

  it('does not move when it is where it should be', () => {
    expect(canaryCommands(appOf(PROMOTED), 'r2', 10)).toEqual([]);
    expect(promoteCommands(appOf(PROMOTED), 'r2')).toEqual([]);
    expect(rollbackCommands(waiting, 'r2')).toEqual([]);
    expect(rollbackCommands(waiting, 'never-made', true)).toEqual([]);
    expect(() => rollbackCommands(waiting, 'never-made')).toThrow(/never-made; blue is r1, green is r2/);
  });

  it('goes to an inactive revision after it was started', () => {
    const revisions = [revision(`${NAME}--r1`, false), revision(`${NAME}--r2`)];
    expect(rollbackCommands(appOf(PROMOTED, revisions), 'r2')).toEqual([
      ['containerapp', 'revision', 'activate', ...TO, '--revision', `${NAME}--r1`],
      weights('blue=100', 'green=0'),
    ]);
  });

  it('never goes to what has failed, or to nothing', () => {
    const revisions = [revision(`${NAME}--r1`), revision(`${NAME}--r2`, true, 'Provisioned', 'Unhealthy')];
    const sick = appOf([on('blue', 'r1', 100), on('green', 'r2', 0)], revisions);
    expect(() => canaryCommands(sick, 'r2', 10)).toThrow(/--r2 \(green\) has failed and gets no traffic.*logs show/);
    expect(() => promoteCommands(sick, 'r2')).toThrow(/has failed/);
    expect(() => rollbackCommands(appOf([on('blue', 'r1', 100)]), 'r1')).toThrow(/nothing to go back to/);
    expect(() => promoteCommands(waiting, 'r7')).toThrow(/no label is on a revision r7; blue is r1, green is r2/);
    for (const percent of [0, 50, 100, 2.5, NaN])
      expect(() => canaryCommands(waiting, 'r2', percent)).toThrow(/from 1 to 49/);
  });

  it('goes back to what serves already, and with a warning to what does not, even if Azure says that it is sick', () => {
    const sick = [revision(`${NAME}--r1`, true, 'Provisioned', 'Unhealthy'), revision(`${NAME}--r2`)];
    expect(rollbackCommands(appOf(CANARY, sick), 'r2')).toEqual([weights('blue=100', 'green=0')]);
    expect(rollbackWarning(appOf(CANARY, sick), 'r2')).toBe('');
    expect(rollbackCommands(appOf(PROMOTED, sick), 'r2')).toEqual([weights('blue=100', 'green=0')]);
    expect(rollbackWarning(appOf(PROMOTED, sick), 'r2')).toMatch(/--r1 \(blue\) gets all traffic, .*failed.*logs show/);
    expect(rollbackWarning(appOf(PROMOTED), 'r2')).toBe('');
  });

  it.each<[string, Weighted[]]>([
    ['half each', [on('blue', 'r1', 50), on('green', 'r2', 50)]],
    [
      'what follows the latest revision',
      [on('blue', 'r1', 0), on('green', 'r2', 0), { latestRevision: true, weight: 100 }],
    ],
  ])('of an app where nobody can say what production is goes to the label that is named: %s', (_, traffic) => {
    const shown = appWith(traffic);
    shown.properties.latestRevisionName = `${NAME}--r2`;
    const app = readLabels(shown, REVISIONS);
    expect(app.unclear).not.toBe('');
    expect(promoteCommands(app, 'r2')).toEqual([weights('blue=0', 'green=100')]);
    expect(promoteCommands(app, 'r1')).toEqual([weights('blue=100', 'green=0')]);
    expect(rollbackCommands(app, 'r2')).toEqual([weights('blue=100', 'green=0')]);
  });

  it('that no label names ends', () => {
    const revisions = [...REVISIONS, revision(`${NAME}--old`, false)];
    expect(tidyCommands(appOf(CANARY, revisions))).toEqual([
      ['containerapp', 'revision', 'deactivate', ...TO, '--revision', `${NAME}--r0`],
    ]);
  });
});
