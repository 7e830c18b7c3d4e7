// What a release makes of how the apps stand, and the commands that move traffic: decided here; nothing is asked or changed.
// Plain JavaScript without packages, for Node 18 and later: the hooks of azd use it before anything is installed.
import { createHash } from 'node:crypto';
import { Refusal } from '../azd/azure-cli.mjs';
import { LABELS } from './standing.mjs';

/** App name (at most 32), two hyphens and this stay below the 54 characters that Container Apps allows a revision's name. */
const LONGEST_SUFFIX = 16;
const COMMIT_DIGITS = 7;
const HASH_DIGITS = 6;
const other = (label) => (label === 'blue' ? 'green' : 'blue');

/**
 * The suffix of the revision that an image and its settings make: the same for the same, so that a release that is run again
 * makes nothing new, and another one as soon as anything differs (Container Apps refuses a suffix twice).
 *
 * @param commit of the source; '' where it is not known
 * @param ingredients everything that the revision is made of
 */
export function revisionSuffix(commit, ingredients) {
  const hash = ingredients.reduce((all, part) => all.update(part).update('\0'), createHash('sha256')).digest('hex');
  const known = /^[0-9a-f]{7,}$/i.test(commit);
  const suffix = `r${known ? `${commit.slice(0, COMMIT_DIGITS).toLowerCase()}-` : ''}${hash.slice(0, HASH_DIGITS)}`;
  return suffix.slice(0, LONGEST_SUFFIX);
}

const regionNames = (apps) => apps.map(({ location }) => location).join(' and ');

/** One set of parameters is for the apps of all regions. @throws Refusal where they stand differently */
function agreed(apps) {
  const [first, ...rest] = apps;
  const stand = ({ production, suffixes }) => `${production} ${suffixes.blue} ${suffixes.green}`;
  if (rest.some((app) => stand(app) !== stand(first)))
    throw new Refusal(
      `The regions ${regionNames(apps)} stand differently (${apps.map((app) => `${app.location}: ${app.production} is production, blue ${app.suffixes.blue || 'none'}, green ${app.suffixes.green || 'none'}`).join('; ')}): a release was left half way; run \`node tools/release/release.mjs rollback --suffix ${first.suffixes[first.idle] || first.suffixes[first.production]}\`.`,
    );
  const apart = rest.find(({ weights }) => LABELS.some((label) => weights[label] !== first.weights[label]));
  if (apart) {
    const suffix = first.suffixes[first.idle];
    throw new Refusal(
      `The regions ${regionNames(apps)} give ${first.production} ${apps.map(({ weights }) => `${weights[first.production]} %`).join(' and ')}: a canary is under way in one region: promote or roll back first: node tools/release/release.mjs promote --suffix ${suffix} (or rollback).`,
    );
  }
  return first;
}

const values = (production, suffixes, canary, suffix) => ({
  PRODUCTION_LABEL: production,
  BLUE_REVISION: suffixes.blue,
  GREEN_REVISION: suffixes.green,
  CANARY_PERCENT: String(canary),
  REVISION_SUFFIX: suffix,
});

/** @throws Refusal where a part of the traffic goes to a revision that is not production */
function noCanary(apps) {
  const app = apps.find((one) => one.weights[one.idle] > 0);
  if (!app) return;
  const suffix = app.suffixes[app.idle];
  throw new Refusal(
    `A canary is under way: ${app.weights[app.idle]} % of the traffic go to ${app.name}--${suffix} (${app.idle}). Finish it first: node tools/release/release.mjs promote --suffix ${suffix} (or rollback).`,
  );
}

/**
 * A region is added: one set of parameters is for both apps, and the new one has but the revision that it is made with. So
 * that is production's, under its name, and the other label, whose revision the new app does not have, is lost.
 *
 * @throws Refusal where anything else than what production runs would get that name
 */
function withNewRegion(apps, image) {
  noCanary(apps);
  const app = agreed(apps);
  const running = app.suffixes[app.production];
  if (image !== app.image)
    throw new Refusal(
      `The second region has no app yet, and ${image} is not the image that runs (${app.image}): add the region with the image that runs: ROUTER_DEPLOYMENT=as-is azd provision, then release (docs/RELEASE.md, "A region that is added").`,
    );
  if (app.latestSuffix !== running)
    throw new Refusal(
      `The second region has no app yet, and would get the newest revision, ${app.latestSuffix}, but production runs ${running}: promote the newest one, or release, before a region is added.`,
    );
  return values(app.production, { ...app.suffixes, [app.idle]: '' }, 0, running);
}

/**
 * Everything stays as it is: what a drift check compares with.
 *
 * @param regions in which there will be an app
 */
export function liveParameters(apps, regions = 1) {
  if (apps.length === 0) return values('blue', { blue: '', green: '' }, 0, '');
  if (apps.length < regions) return withNewRegion(apps, apps[0].image);
  const app = agreed(apps);
  return values(app.production, app.suffixes, app.weights[app.idle], app.latestSuffix);
}

/**
 * The template's parameters with which a new revision comes up without traffic, on the idle label.
 *
 * @param apps how they stand, first region first; none before the first deployment
 * @param suffix of the new revision
 * @param image of the new revision
 * @param regions in which there will be an app
 * @throws Refusal where a new revision would be in the way of an unfinished release
 */
export function releaseParameters(apps, suffix, image, regions = 1) {
  if (apps.length === 0) return values('blue', { blue: suffix, green: '' }, 0, suffix);
  if (apps.length < regions) return withNewRegion(apps, image);
  const app = agreed(apps);
  const { production, idle, suffixes } = app;
  if (LABELS.some((label) => suffixes[label] === suffix))
    return values(production, suffixes, app.weights[idle], suffix);
  noCanary(apps);
  const failed = apps.find((one) => one.revisions.some((known) => known.suffix === suffix && known.failed));
  if (failed)
    throw new Refusal(
      `${failed.name}--${suffix} has failed before, and Azure does not make a revision twice: mend it and commit, or look at it: az containerapp logs show -n ${failed.name} -g ${failed.resourceGroup} --revision ${failed.name}--${suffix}`,
    );
  return values(production, { ...suffixes, [idle]: suffix }, 0, suffix);
}

const containerApp = (app, ...args) => ['containerapp', ...args, '-n', app.name, '-g', app.resourceGroup];
const setWeights = (app, weights) => [
  ...containerApp(app, 'ingress', 'traffic', 'set'),
  '--label-weight',
  ...LABELS.filter((label) => app.suffixes[label] !== '').map((label) => `${label}=${weights[label] ?? 0}`),
];
const revisionOf = (app, label) => app.revisions.find(({ suffix }) => suffix === app.suffixes[label]);
const activate = (app, suffix) => [
  ...containerApp(app, 'revision', 'activate'),
  '--revision',
  `${app.name}--${suffix}`,
];

/** A revision may be named as a whole, of any region's app; no suffix has two hyphens. */
export const suffixNamed = (named) => named.split('--').at(-1);
const labelNamed = (app, named) => {
  const suffix = suffixNamed(named);
  return LABELS.find((one) => suffix !== '' && app.suffixes[one] === suffix);
};

function labelOf(app, named) {
  const label = labelNamed(app, named);
  if (!label)
    throw new Refusal(
      `${app.name}: no label is on a revision ${named || '(none was named: --suffix)'}; blue is ${app.suffixes.blue || 'none'}, green is ${app.suffixes.green || 'none'}.`,
    );
  return label;
}

function takesTraffic(app, label) {
  const revision = revisionOf(app, label);
  if (revision?.failed)
    throw new Refusal(
      `${app.name}--${app.suffixes[label]} (${label}) has failed and gets no traffic: az containerapp logs show -n ${app.name} -g ${app.resourceGroup} --revision ${app.name}--${app.suffixes[label]}`,
    );
  return revision?.active ? [] : [activate(app, app.suffixes[label])];
}

/** @throws Refusal where it is no part that a canary may have */
export function canaryShare(percent) {
  if (!(Number.isInteger(percent) && percent > 0 && percent < 50))
    throw new Refusal(`--percent ${percent}: must be a whole number from 1 to 49; more than half is no canary.`);
}

/** The `az` commands that give a new revision a part of the traffic, and the running one the rest. */
export function canaryCommands(app, suffix, percent) {
  canaryShare(percent);
  const label = labelOf(app, suffix);
  if (label === app.production) return []; // it has been promoted, or is the only one
  return [...takesTraffic(app, label), setWeights(app, { [label]: percent, [other(label)]: 100 - percent })];
}

/**
 * The `az` commands that give all traffic to a revision. None when it has it.
 *
 * @param onlyCanary it must have a part already: a release does not undo a rollback that somebody made while it watched
 */
export function promoteCommands(app, suffix, onlyCanary = false) {
  const label = labelOf(app, suffix);
  if (app.weights[label] === 100 && app.unclear === '') return [];
  if (onlyCanary && app.weights[label] === 0)
    throw new Refusal(
      `${app.name}: ${app.suffixes[label]} (${label}) has no traffic any more, somebody has taken it back; run the release again if that is over.`,
    );
  return [...takesTraffic(app, label), setWeights(app, { [label]: 100 })];
}

/**
 * The `az` commands that take all traffic from a revision. None when it has none.
 *
 * @param ifThere a release may fail before its revision is made; a person who names none that is there is mistaken
 */
export function rollbackCommands(app, suffix, ifThere = false) {
  if (ifThere && !labelNamed(app, suffix)) return [];
  const label = labelOf(app, suffix);
  if (app.weights[label] === 0) return [];
  const back = other(label);
  if (app.suffixes[back] === '')
    throw new Refusal(
      `${app.name}: there is nothing to go back to, only ${app.suffixes[label]} (${label}); release a mended commit.`,
    );
  const start = revisionOf(app, back)?.active ? [] : [activate(app, app.suffixes[back])];
  return [...start, setWeights(app, { [back]: 100 })];
}

/**
 * What a person must know of a rollback that is done all the same: the revision that it goes back to may be as sick as the
 * one that it leaves. One that serves already is believed; a health probe may fail for a moment.
 */
export function rollbackWarning(app, suffix) {
  const label = labelNamed(app, suffix);
  if (!label || app.weights[label] === 0 || app.weights[other(label)] > 0) return '';
  return revisionOf(app, other(label))?.failed
    ? `${app.name}--${app.suffixes[other(label)]} (${other(label)}) gets all traffic, and Azure says that it has failed: az containerapp logs show -n ${app.name} -g ${app.resourceGroup} --revision ${app.name}--${app.suffixes[other(label)]}`
    : '';
}

/** The `az` commands that end revisions which no label names any more; those cost, and get nothing. */
export const tidyCommands = (app) =>
  app.revisions
    .filter(({ active, suffix }) => active && !LABELS.some((label) => app.suffixes[label] === suffix))
    .map(({ suffix }) => [...containerApp(app, 'revision', 'deactivate'), '--revision', `${app.name}--${suffix}`]);
