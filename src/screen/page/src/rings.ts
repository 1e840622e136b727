// The rings of ages and sexes: what the legends beside them say in numbers.

import type { Option, Picture, Scale } from "./charts";
import { CARD, SEX_SLICES, SLICES, SOFT, TRACK } from "./colours";
import type { Slice } from "./people";
import { number } from "./numbers";

const RADIUS = ["70%", "98%"];

export function ringOption({ rem, font }: Scale, title: string): Option {
  const still = { type: "pie", radius: RADIUS, silent: true, labelLine: { show: false } };
  return {
    animationDurationUpdate: 600,
    textStyle: { fontFamily: font },
    series: [
      {
        // The track, seen where there is nothing to show, with the title in its middle.
        ...still,
        animation: false,
        itemStyle: { color: TRACK },
        label: {
          show: true,
          position: "center",
          formatter: title,
          color: SOFT,
          fontSize: 1.7 * rem,
        },
        data: [1],
      },
      {
        ...still,
        stillShowZeroSum: false,
        itemStyle: { borderColor: CARD, borderWidth: 0.2 * rem },
        label: { show: false },
        data: [],
      },
    ],
  };
}

export function ring(title: string, slices: readonly Slice[]): Picture {
  const colours = title === "性别" ? SEX_SLICES : SLICES;
  const data = colours.map((color, n) => ({ value: slices[n]?.people ?? 0, itemStyle: { color } }));
  const shown = slices.filter((slice) => slice.people !== null);
  const words = shown.map((slice) => `${slice.name} ${number(slice.people)}`).join("，");
  return { option: { series: [{}, { data }] }, words: `${title}：${words}` };
}
