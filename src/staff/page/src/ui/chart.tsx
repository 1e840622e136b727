// A chart, with the same numbers as a table for whoever cannot see it.

import { useEffect, useRef, useState } from "react";

export interface Series {
  name: string;
  values: (number | null)[];
  kind?: "bar" | "line";
  stack?: string;
  colour?: string;
}

const COLOURS = ["#0b6b63", "#d9822b", "#5b7fb4", "#9b6fb0"];

export function Chart({ label, names, series, unit }: { label: string; names: string[]; series: Series[]; unit?: string }) {
  const place = useRef<HTMLDivElement>(null);
  const [isLost, setLost] = useState(false);
  const what = JSON.stringify([names, series]);
  useEffect(() => {
    let chart: { setOption: (option: object, all?: boolean) => void; resize: () => void; dispose: () => void } | null = null;
    let isGone = false;
    const seen = new ResizeObserver(() => chart?.resize());
    import("../charts").then(({ init }) => {
      if (isGone || !place.current) return;
      chart = init(place.current);
      chart.setOption({
        animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
        color: COLOURS,
        textStyle: { fontFamily: "inherit" },
        grid: { left: 8, right: 12, top: series.length > 1 ? 34 : 14, bottom: 6, containLabel: true },
        legend: series.length > 1 ? { top: 0, left: 0, itemWidth: 14, itemHeight: 10, textStyle: { color: "#3a4a48" } } : undefined,
        tooltip: { trigger: "axis", renderMode: "richText", confine: true },
        xAxis: { type: "category", data: names, axisTick: { show: false }, axisLabel: { color: "#4a5a58" }, axisLine: { lineStyle: { color: "#b8c4c2" } } },
        yAxis: { type: "value", name: "", minInterval: 1, axisLabel: { color: "#4a5a58" }, splitLine: { lineStyle: { color: "#e6ecea" } } },
        series: series.map((one) => ({
          name: one.name, type: one.kind ?? "bar", data: one.values, stack: one.stack, smooth: false, showSymbol: false, barMaxWidth: 26,
          itemStyle: one.colour ? { color: one.colour } : undefined,
        })),
      });
      seen.observe(place.current);
    }, () => setLost(true));
    return () => {
      isGone = true;
      seen.disconnect();
      chart?.dispose();
    };
  }, [what]);
  return (
    <figure className="chart">
      {isLost ? <p className="notice warn">图表没能载入，请看下方表格。</p> : <div className="canvas" ref={place} role="img" aria-label={label} />}
      <details open={isLost}>
        <summary>以表格查看{unit && `（${unit}）`}</summary>
        <div className="plain-scroll" tabIndex={0} role="region" aria-label={`${label}的数据`}>
          <table className="plain">
            <thead><tr><th scope="col"><span className="unseen">项目</span></th>{series.map((one) => <th scope="col" key={one.name}>{one.name}</th>)}</tr></thead>
            <tbody>{names.map((name, n) => <tr key={`${name}-${n}`}><th scope="row">{name}</th>{series.map((one) => <td key={one.name}>{one.values[n] ?? "—"}</td>)}</tr>)}</tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}
