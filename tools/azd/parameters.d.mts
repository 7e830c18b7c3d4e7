export const OF_THE_REVISION: readonly string[];
export const NOT_OF_THE_REVISION: readonly string[];
export function ingredientsOf(image: string, values: Readonly<Record<string, unknown>>): string[];
