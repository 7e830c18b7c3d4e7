// The template's parameters: the file of this environment, where azd looks for it, and their values. Plain JavaScript without
// packages.
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal } from './azure-cli.mjs';

export const PARAMETER_FILE = join('infra', 'main.bicepparam');
/**
 * The parameters of infra/main.bicep that reach the container: a revision is named after them. The other ones may differ between
 * two runs of one release (a month, an address), and that must not make a new revision, which would take the place of the old
 * one that a rollback goes back to.
 */
export const OF_THE_REVISION = [
  ...['cpu', 'memory', 'minReplicas', 'maxReplicas', 'concurrentRequestsPerReplica', 'cpuUtilization'],
  ...['openAiDeployments', 'keyVaultSecrets', 'apiAudience', 'entraTenantId'],
  ...['workloadName', 'environmentName', 'location', 'secondaryLocation', 'publicAccess'],
];
/** Those that do not: traffic and names, the image (it counts by itself), and what is around the app. */
export const NOT_OF_THE_REVISION = [
  ...['image', 'productionLabel', 'canaryPercent', 'blueRevision', 'greenRevision', 'revisionSuffix'],
  ...['monthlyBudgetUsd', 'budgetContacts', 'budgetStartDate', 'thisMonth', 'alertsEnabled', 'extraTags'],
  ...['gatewayPublicAccess', 'apimSku', 'apimCapacity', 'apimPublisherEmail'],
  ...['userRequestsPerMinute', 'requestsPerMinuteAndAddress'],
  ...['cosmosMultipleWriteLocations', 'cosmosMaxThroughput', 'redisSku'],
];

/** azd reads infra/main.bicepparam alone: it becomes a copy of the environment's own file, which the repository leaves out. */
export function chooseParameterFile(environment) {
  const own = join('infra', `main.${environment}.bicepparam`);
  if (!existsSync(own)) throw new Refusal(`${own} is missing: restore it (git restore ${own}).`);
  copyFileSync(own, PARAMETER_FILE);
  return own;
}

/**
 * What a parameter file says with this process's environment.
 *
 * @param printed of `az bicep build-params --stdout`
 */
export function parameterValues(printed) {
  const file = typeof printed.parametersJson === 'string' ? JSON.parse(printed.parametersJson) : printed;
  return Object.fromEntries(Object.entries(file.parameters ?? {}).map(([name, { value }]) => [name, value]));
}

/** Dashboards, alerts and policies are no part of a revision. */
const SOURCE = /\.bicep$|^router\.config\..+\.yaml$/;

/** Everything that a revision is made of: image, templates, those values that reach it. */
export function ingredientsOf(image, values) {
  const files = readdirSync('infra', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && SOURCE.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  const own = Object.entries(values).filter(([name]) => OF_THE_REVISION.includes(name));
  return [image, JSON.stringify(own.sort()), ...files.map((file) => readFileSync(file, 'utf8'))];
}
