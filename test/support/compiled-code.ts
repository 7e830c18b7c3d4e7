/** For the environment of a program: where Node keeps compiled code between starts, as `npm start` has it. */
export function compiledCode(): Record<string, string> {
  const place = process.env['NODE_COMPILE_CACHE'];
  return place === undefined ? {} : { NODE_COMPILE_CACHE: place };
}
