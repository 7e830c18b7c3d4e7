/** Prints what a fault test measured; standard error, as jest's report has standard output. */
export const figure = (id: string, text: string): void => {
  process.stderr.write(`${id}: ${text}\n`);
};
