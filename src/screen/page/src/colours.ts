// The colours that charts share with the style sheet.

export const CYAN = "#4fd2ff";
export const MINT = "#47e0b0";
export const BLUE = "#3f8cf0";
export const AMBER = "#ffc25c";
export const INK = "#f1f6ff";
export const SOFT = "#a3bbdb";
export const FAINT = "#8199bd";
export const LINE = "rgba(140, 180, 240, 0.14)";
export const TRACK = "rgba(140, 180, 240, 0.12)";
export const CARD = "#0c1c3d";

/** From the youngest band to the oldest, and from women on: also the legends' in the style. */
export const SLICES = ["#47e0b0", "#4fd2ff", "#3f8cf0", "#8f7bff", "#d98bff", "#ffc25c"];
export const SEX_SLICES = ["#ff9dbb", "#4fd2ff", "#8199bd"];
