// How an app stands: which revision has which label, and how much traffic. Read from what `az containerapp show` and
// `az containerapp revision list` print; nothing is asked or changed. Plain JavaScript without packages, for Node 18 and later.
import { Refusal } from '../azd/azure-cli.mjs';

export const LABELS = ['blue', 'green'];
const other = (label) => (label === 'blue' ? 'green' : 'blue');
const sum = (numbers) => numbers.reduce((total, n) => total + n, 0);
const suffixOf = (app, revision) => revision.slice(`${app}--`.length);

/** Revision and weight of each label. What follows the latest revision counts for the label that is on it. */
function byLabel(traffic, latest) {
  return Object.fromEntries(
    LABELS.map((label) => {
      const revision = traffic.find((entry) => entry.label === label)?.revisionName ?? '';
      const own = traffic.filter(
        (entry) => entry.label === label || (entry.latestRevision && revision !== '' && revision === latest),
      );
      return [label, { revision, weight: sum(own.map(({ weight = 0 }) => weight)) }];
    }),
  );
}

/** Why nobody can say which label is production; '' where everybody can. */
function unclear(name, traffic, weights) {
  if (traffic.some(({ latestRevision }) => latestRevision))
    return `${name}: traffic follows the latest revision, so a deployment would move it; name the running one first: az containerapp ingress traffic set -n ${name} --revision-weight REVISION=100`;
  const stray = traffic.find(({ label, weight = 0 }) => !LABELS.includes(label) && weight > 0);
  if (stray)
    return `${name}: ${stray.weight} % of the traffic go to ${stray.revisionName}, which has neither label; give it one: az containerapp revision label add -n ${name} --label blue --revision ${stray.revisionName}`;
  if (weights.blue !== weights.green) return '';
  return weights.blue === 0
    ? `${name}: no label has traffic; give it to the running revision: az containerapp ingress traffic set -n ${name} --label-weight blue=100`
    : `${name}: blue and green have ${weights.blue} % each, so neither is production; move traffic to one: node tools/release/release.mjs promote or rollback`;
}

/**
 * What labels an app has, also where nobody can say which of them is production: enough to move all traffic to one.
 *
 * @param app of `az containerapp show`
 * @param revisions of `az containerapp revision list --all`
 * @throws Refusal where both labels are on one revision
 */
export function readLabels(app, revisions) {
  const { name, resourceGroup, location, properties } = app;
  const traffic = properties.configuration?.ingress?.traffic ?? [];
  const { blue, green } = byLabel(traffic, properties.latestRevisionName);
  if (blue.revision !== '' && blue.revision === green.revision)
    throw new Refusal(
      `${name}: both labels are on ${blue.revision}; take one away: az containerapp revision label remove -n ${name} --label green`,
    );
  const weights = { blue: blue.weight, green: green.weight };
  const production = weights.blue > weights.green ? 'blue' : 'green';
  const suffix = ({ revision }) => revision && suffixOf(name, revision);
  return {
    name,
    resourceGroup,
    location,
    fqdn: properties.configuration?.ingress?.fqdn ?? '',
    image: properties.template?.containers?.[0]?.image ?? '',
    cpu: sum((properties.template?.containers ?? []).map(({ resources }) => Number(resources?.cpu ?? 0))),
    production,
    idle: other(production),
    weights,
    unclear: unclear(name, traffic, weights),
    suffixes: { blue: suffix(blue), green: suffix(green) },
    latestSuffix: suffixOf(name, properties.latestRevisionName ?? `${name}--`),
    revisions: revisions.map((one) => ({
      suffix: suffixOf(name, one.name),
      active: one.properties.active === true,
      failed:
        /failed|degraded/i.test(one.properties.provisioningState ?? '') || one.properties.healthState === 'Unhealthy',
    })),
  };
}

/** How an app stands. @throws Refusal where nobody can say which label is production */
export function readApp(app, revisions) {
  const read = readLabels(app, revisions);
  if (read.unclear !== '') throw new Refusal(read.unclear);
  return read;
}
