import type { App } from './traffic.mjs';

export function readLabels(app: unknown, revisions: readonly unknown[]): App;
export function readApp(app: unknown, revisions: readonly unknown[]): App;
