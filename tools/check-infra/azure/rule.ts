import type { Deployment, Resource, Template } from './deployment.js';

/** Something that every deployment has to be. */
export interface Rule {
  /** A sentence that is true of a deployment that is right. */
  readonly says: string;
  /** The type of resource that it is about: its file is where a finding points. */
  readonly type: string;
  /** Those of `SCENARIOS` that it is looked at in; left out = all with such a resource. */
  readonly in?: (deployment: Deployment) => boolean;
  /** What is wrong, by the name of a resource or of what is missing; empty = nothing. */
  readonly broken: (deployment: Deployment, template: Template) => string[];
}

/** A value at a path such as `properties.scale.rules`; `undefined` where the way ends before. */
export const at = (value: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>(
      (here, key) => (typeof here === 'object' && here !== null ? Reflect.get(here, key) : undefined),
      value,
    );

/** The list at a path; empty where there is none. */
export const list = (value: unknown, path: string): unknown[] => {
  const found = at(value, path);
  return Array.isArray(found) ? found : [];
};

export const same = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right);

export const ofType = ({ resources }: Deployment, type: string): Resource[] =>
  resources.filter((resource) => resource.type.toLowerCase() === type.toLowerCase());

/** Resources cannot be reached from the internet. */
export const closed = ({ environment }: Deployment): boolean => environment !== 'dev';
export const prod = ({ environment }: Deployment): boolean => environment === 'prod';
export const dev = ({ environment }: Deployment): boolean => environment === 'dev';
export const withApp = ({ variables }: Deployment): boolean => 'SERVICE_ROUTER_IMAGE_NAME' in variables;
export const regionsOf = ({ variables }: Deployment): number => ('AZURE_SECONDARY_LOCATION' in variables ? 2 : 1);

/** Every resource of a type has a property, and there is one at least. */
export const every = (
  type: string,
  says: string,
  holds: (resource: Resource, deployment: Deployment) => boolean,
  where: (deployment: Deployment) => boolean = () => true,
): Rule => ({
  says,
  type,
  in: where,
  broken: (deployment) => {
    const resources = ofType(deployment, type);
    if (resources.length === 0) return [`no ${type}`];
    return resources.filter((resource) => !holds(resource, deployment)).map(({ name }) => name);
  },
});

/** Values at paths of every resource of a type. */
export const has = (
  type: string,
  says: string,
  values: Readonly<Record<string, unknown>>,
  where?: (deployment: Deployment) => boolean,
): Rule =>
  every(
    type,
    says,
    (resource) => Object.entries(values).every(([path, value]) => same(at(resource, path), value)),
    where,
  );
