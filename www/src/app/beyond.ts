/** Words of a prompt that the bundled model cannot follow: people, photographs, scenes. */

const PEOPLE =
  /\b(?:man|men|woman|women|girls?|boys?|persons?|people|child|children|bab(?:y|ies)|portraits?|selfies?|crowds?|couples?|famil(?:y|ies)|bride|groom|soldiers?|models? posing)\b/i;
const PHOTOGRAPHS =
  /\b(?:photos?|photographs?|photography|photo-?realistic|realistic|dslr|bokeh|cinematic|film still|35 ?mm|\d+ ?mm lens|hdr)\b/i;
const SCENES =
  /\b(?:landscapes?|cityscapes?|skyline|streets?|village|seaside|interior|kitchen|living room|castle on|battle(?:field)?|garden|market)\b/i;

/** What such a prompt asks for that the bundled model does not know; null if nothing points there. */
export function beyondBundled(prompt: string): "people" | "photographs" | "scenes" | null {
  if (PHOTOGRAPHS.test(prompt)) return "photographs";
  if (PEOPLE.test(prompt)) return "people";
  return SCENES.test(prompt) ? "scenes" : null;
}
