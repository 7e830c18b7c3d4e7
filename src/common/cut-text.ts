/** The beginning of a text, cut between two characters; halves of characters that were in it are replaced. */
export function cutText(text: string, characters: number): string {
  let end = Math.min(text.length, characters);
  const code = text.charCodeAt(end - 1);
  if (end < text.length && code >= 0xd800 && code <= 0xdbff) end -= 1;
  return text.slice(0, end).toWellFormed();
}
