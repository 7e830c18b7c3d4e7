import type { RouterConfig } from '../../common/config/config.schema.js';

/** Which Azure stores are configured; what is not is in the embedded database. */
export const durableStores = ({
  cosmos,
  tables,
}: RouterConfig): { readonly cosmos: boolean; readonly tables: boolean } => ({
  cosmos: cosmos.endpoint !== '',
  tables: tables.endpoint !== '' || tables.connectionString !== '',
});
