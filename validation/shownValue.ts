/** Characters of a wrong value that a message shows. */
const shownCharacters = 60;

/** A text cut to what a message can hold. */
export function shortened(text: string): string {
  if (text.length <= shownCharacters) return text;
  // Not through the middle of a pair of surrogates.
  const end = /[\uD800-\uDBFF]/.test(text.charAt(shownCharacters - 1)) ? shownCharacters - 1 : shownCharacters;
  return `${text.slice(0, end)}…`;
}

/** A value as a message quotes it: what is long is cut, and its length is said. */
export function shownValue(text: string): string {
  const quoted = JSON.stringify(shortened(text));
  return text.length <= shownCharacters ? quoted : `${quoted} (${text.length} characters)`;
}
