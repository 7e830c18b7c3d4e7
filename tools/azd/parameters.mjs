// The template's parameters: the file of this environment, where azd looks for it, and their values. Plain JavaScript without
// packages.
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal } from './azure-cli.mjs';

export const PARAMETER_FILE = join('infra', 'main.bicepparam');
/** They say which revision has how much traffic, not what a revision is made of. */
const TRAFFIC = ['productionLabel', 'canaryPercent', 'blueRevision', 'greenRevision', 'revisionSuffix'];

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

/** Everything that a revision is made of: image, templates, values. */
export function ingredientsOf(image, values) {
  const files = readdirSync('infra', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && SOURCE.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  const own = Object.entries(values).filter(([name]) => !TRAFFIC.includes(name) && name !== 'image');
  return [image, JSON.stringify(own.sort()), ...files.map((file) => readFileSync(file, 'utf8'))];
}
