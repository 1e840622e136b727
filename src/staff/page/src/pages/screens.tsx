// Big screens: their tokens, and a look at what one shows.

import { useState } from "react";
import { act } from "../api";
import { useList } from "../load";
import { useDesk } from "../session";
import { Confirm, FormDialog } from "../ui/form";
import { LongList } from "../ui/list";
import { Card, Tag, Title } from "../ui/page";
import { Needs } from "../ui/states";
import { Secret } from "../ui/secret";
import * as words from "../words";

interface Token { id: string; division: string; label: string; created_at: string; revoked_at?: string | null }

export function Screens() {
  const { may, divisions, divisionName, session } = useDesk();
  const list = useList<Token>(may("see_places") ? "/screens" : null);
  const [adds, setAdds] = useState(false);
  const [ends, setEnds] = useState<Token | null>(null);
  const [preview, setPreview] = useState<string | null>(null);
  const keeps = may("manage_venues");
  const own = session.staff.division;
  const places = divisions.length > 0 ? divisions.map((one): [string, string] => [one.code, `${one.name}（${words.level(one.level)}）`]) : [[own, own] as [string, string]];
  return (
    <>
      <Title text="大屏">{keeps && <button className="button primary" onClick={() => setAdds(true)}>新增大屏</button>}</Title>
      <Needs right="see_places">
        <p className="hint">每块大屏用一个只读令牌打开，只显示汇总数字和遮盖后的姓名。令牌泄露或大屏拆除时，停用它即可。</p>
        <LongList label="大屏令牌" of={list} none="还没有大屏。" keyOf={(token) => token.id} columns={[
          { name: "位置", show: (token) => token.label },
          { name: "区域", show: (token) => divisionName(token.division) },
          { name: "新增时间", width: "10rem", show: (token) => words.time(token.created_at) },
          { name: "状态", width: "6rem", show: (token) => token.revoked_at ? <Tag>已停用</Tag> : <Tag tone="good">使用中</Tag> },
          { name: "处理", width: "7rem", show: (token) => keeps && !token.revoked_at ? <button className="button small danger-line" onClick={() => setEnds(token)}>停用</button> : "—" },
        ]} />
        {preview && (
          <Card title="预览" aside={<button className="link" onClick={() => setPreview(null)}>关闭预览</button>}>
            <iframe className="preview" title="大屏预览" src={preview} />
          </Card>
        )}
      </Needs>
      {adds && (
        <FormDialog title="新增大屏" intro="得到的地址打开后就是这个区域的大屏。地址含令牌，只显示这一次。"
          fields={[
            { name: "division", label: "显示哪个区域", type: "select", required: true, options: places },
            { name: "label", label: "挂在哪里", required: true, max: 64, value: "大厅" },
          ]} confirm="新增"
          submit={async (values) => {
            const { token } = await act<{ token: string }>("POST", "/screens", values);
            const path = `/screen/${values["division"]}#token=${token}`;
            setPreview(path);
            return <Secret name="大屏地址" value={location.origin + path} note="只显示这一次；下方已打开预览。" />;
          }}
          close={() => setAdds(false)} after={list.reload} />
      )}
      {ends && <Confirm title="停用大屏令牌" says={`「${ends.label}」（${divisionName(ends.division)}）的大屏会在几秒内停止显示，不能恢复；要再用须新增。`} confirm="停用"
        act={async () => void (await act("DELETE", `/screens/${ends.id}`))} done="已停用" close={() => setEnds(null)} after={list.reload} />}
    </>
  );
}
