// Who is registered: the figures beside the two rings. A group that the server hid has no number.

import type { AgeBand, ScreenDocument, SexGroup } from "./document";
import { byId, fill, make, mark, put } from "./nodes";
import { NOTHING, number } from "./numbers";

/** Bands of known ages; the last one that the server sends is of unknown ages. */
export const BANDS = 6;
export const SEXES = 3;
const SEX_NAMES: Record<string, string> = { female: "女", male: "男" };

export interface Slice {
  /** Where the document has it. */
  index: number;
  name: string;
  people: number | null;
}

function legend(
  id: string,
  count: number,
): { root: HTMLElement; name: HTMLElement; people: HTMLElement }[] {
  return Array.from({ length: count }, (_, n) => {
    const root = make("li", "", byId(id));
    root.dataset.colour = String(n);
    make("i", "", root);
    const name = make("span", "", root);
    name.dataset.label = "";
    return { root, name, people: make("b", "", root) };
  });
}

const ageRows = legend("ages", BANDS);
const sexRows = legend("sexes", SEXES);

const bandName = ({ from, to }: AgeBand): string =>
  to === null ? `${from} 岁以上` : `${from}–${to} 岁`;

/** The bands of known ages, in their order. */
export const ageSlices = (doc: ScreenDocument): Slice[] =>
  doc.ages
    .map((band, index) => ({ index, name: bandName(band), people: band.people }))
    .filter(({ index }) => doc.ages[index]?.from !== null)
    .slice(0, BANDS);

/** Women, men, and the rest where there is a rest. */
export function sexSlices(doc: ScreenDocument): Slice[] {
  const order = (group: SexGroup): number => {
    const place = Object.keys(SEX_NAMES).indexOf(group.sex ?? "");
    return place < 0 ? SEXES : place;
  };
  return doc.sexes
    .map((group, index) => ({ group, index }))
    .filter(({ group }) => group.people !== 0)
    .sort((a, b) => order(a.group) - order(b.group))
    .slice(0, SEXES)
    .map(({ group, index }) => ({
      index,
      name: SEX_NAMES[group.sex ?? ""] ?? "未说明",
      people: group.people,
    }));
}

export function showPeople(doc: ScreenDocument): void {
  const show =
    (path: string) =>
    (row: (typeof ageRows)[number], slice: Slice): void => {
      put(row.name, slice.name);
      put(
        mark(row.people, `${path}.${slice.index}.people`),
        slice.people === null ? NOTHING : number(slice.people),
      );
    };
  fill(ageRows, ageSlices(doc), show("ages"));
  fill(sexRows, sexSlices(doc), show("sexes"));
  byId("no-sexes").hidden = sexSlices(doc).length > 0;
  byId("hidden-groups").hidden = ![...doc.ages, ...doc.sexes].some(
    (group) => group.people === null,
  );
}
