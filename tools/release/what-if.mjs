// What differs between the templates and what runs, out of what `az deployment sub what-if --no-pretty-print` prints. Pure; plain
// JavaScript without packages.

/** The resource type of an id: of the child, where it is one. */
function typeOf(id) {
  const parts = id.slice(id.lastIndexOf('/providers/') + '/providers/'.length).split('/');
  return [parts[0], ...parts.slice(1).filter((_, i) => i % 2 === 0)].join('/').toLowerCase();
}

/**
 * What-if tells of these though nothing has changed
 * (https://learn.microsoft.com/azure/azure-resource-manager/templates/deploy-what-if, "Limitations"): values that the service
 * fills in or writes in another way, values that are references, and what the platform makes by itself.
 */
const NOISE = [
  { type: /./, path: /(^|\.)(provisioningState|etag|systemData|createdAt|lastModifiedAt)(\.|$)/i, why: 'set by Azure' },
  {
    type: /^microsoft\.app\/containerapps$/,
    path: /^properties\.(template\.containers\.\d+\.imageType|runningStatus|eventStreamEndpoint)/,
    why: 'set by Azure',
  },
  {
    type: /^microsoft\.apimanagement\/service\/(apis\/)?policies$/,
    path: /^properties\.format$/,
    why: 'told as xml, whatever was given',
  },
  {
    type: /^microsoft\.network\/virtualnetworks/,
    path: /^properties\.subnets\.\d+\.properties\.(privateEndpoints|serviceAssociationLinks)/,
    why: 'made by those who use the subnet',
  },
];
/** Theirs is all of it: no template has them. */
const OWN_WORK_OF_AZURE = [
  /^microsoft\.network\/networkinterfaces$/, // of private endpoints
  /^microsoft\.alertsmanagement\/smartdetectoralertrules$/,
  /^microsoft\.resources\/deployments$/,
];
const SAME_KINDS = new Set(['NoChange', 'Ignore', 'NoEffect', 'Unsupported']);

const unresolved = (value) => typeof value === 'string' && /^\[[a-z]+\(/i.test(value);
const sameText = (a, b) =>
  typeof a === 'string' &&
  typeof b === 'string' &&
  a.toLowerCase().replaceAll(' ', '') === b.toLowerCase().replaceAll(' ', '');

const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?Z)?$/;
/** A day is its first moment (UTC), however that is written. */
const sameMoment = (a, b) => DATE.test(a) && DATE.test(b) && Date.parse(a) === Date.parse(b);

/** The values that differ, by their whole path. */
const leaves = (delta, above = '') =>
  (delta ?? []).flatMap((change) => {
    const path = above === '' ? change.path : `${above}.${change.path}`;
    return change.children?.length > 0 ? leaves(change.children, path) : [{ ...change, path }];
  });

function isNoise(type, { path, propertyChangeType, before, after }) {
  if (propertyChangeType === 'NoEffect' || unresolved(after) || sameText(before, after) || sameMoment(before, after))
    return true;
  return NOISE.some((known) => known.type.test(type) && known.path.test(path));
}

const short = (value) => {
  const text = value === undefined || value === null ? 'nothing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
};

/**
 * One line for each difference that is one.
 *
 * @param printed its `changes`
 */
export function driftOf({ changes = [] }) {
  return changes.flatMap(({ resourceId, changeType, delta }) => {
    const type = typeOf(resourceId);
    const name = resourceId.slice(resourceId.lastIndexOf('/') + 1);
    if (SAME_KINDS.has(changeType) || OWN_WORK_OF_AZURE.some((own) => own.test(type))) return [];
    if (changeType === 'Create') return [`${type} ${name} is missing`];
    if (changeType === 'Delete') return [`${type} ${name} is in no template`];
    return leaves(delta)
      .filter((change) => !isNoise(type, change))
      .map(
        ({ path, before, after }) => `${type} ${name}: ${path} is ${short(before)}, the template says ${short(after)}`,
      );
  });
}
