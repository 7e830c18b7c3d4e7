/** How the app of one region stands; the JavaScript beside it says what the fields are. */
export interface App {
  readonly name: string;
  readonly resourceGroup: string;
  readonly location: string;
  readonly fqdn: string;
  readonly image: string;
  readonly cpu: number;
  readonly production: Label;
  readonly idle: Label;
  readonly weights: Readonly<Record<Label, number>>;
  /** Why nobody can say which label is production; '' where everybody can. */
  readonly unclear: string;
  readonly suffixes: Readonly<Record<Label, string>>;
  readonly latestSuffix: string;
  readonly revisions: readonly { readonly suffix: string; readonly active: boolean; readonly failed: boolean }[];
}
export type Label = 'blue' | 'green';
export type TrafficParameters = Record<
  'PRODUCTION_LABEL' | 'BLUE_REVISION' | 'GREEN_REVISION' | 'CANARY_PERCENT' | 'REVISION_SUFFIX',
  string
>;
export function revisionSuffix(commit: string, ingredients: readonly string[]): string;
export function liveParameters(apps: readonly App[], regions?: number): TrafficParameters;
export function releaseParameters(
  apps: readonly App[],
  suffix: string,
  image: string,
  regions?: number,
): TrafficParameters;
export function canaryCommands(app: App, suffix: string, percent: number): string[][];
export function promoteCommands(app: App, suffix: string, onlyCanary?: boolean): string[][];
export function rollbackCommands(app: App, suffix: string, ifThere?: boolean): string[][];
export function rollbackWarning(app: App, suffix: string): string;
export function tidyCommands(app: App): string[][];
