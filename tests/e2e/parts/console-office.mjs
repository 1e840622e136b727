// Those who decide for others: a district and what a community asks for, an admin and an account's
// life, an instructor from the invitation on, and a file of members.

import {
  assert,
  confirms,
  Desk,
  dialog,
  fills,
  gone,
  goes,
  lastRow,
  picks,
  picture,
  press,
  row,
  says,
  settled,
  stands,
  story,
} from "../lib/desk.mjs";
import { identity } from "../lib/office.mjs";

export async function district(boss, asker) {
  let page;
  await story(boss, "a district decides what a community asked for", async () => {
    const other = await asker.at(asker.member);
    await press(other, "查看完整信息");
    await dialog(other).getByLabel("查看什么").selectOption("document");
    await dialog(other).getByLabel("理由").fill("核对重复登记");
    await confirms(other, "申请查看");
    await says(other, "等待另一位同事批准");
    await confirms(other, "关闭");
    page = await boss.window();
    await boss.signsIn(page);
    await picture(page, `overview-district-${boss.size}`);
    await goes(page, "/work");
    await picture(page, `work-${boss.size}`);
    await page.getByRole("tab", { name: "审批" }).click();
    await says(page, "核对重复登记");
    await picture(page, `requests-${boss.size}`);
    const asked = row(page, "核对重复登记");
    await asked.getByRole("button", { name: "批准" }).click();
    await confirms(page, "批准");
    await gone(dialog(page));
    await gone(asked);
    await press(other, "查看");
    const number = other.locator("code.plain-value").filter({ hasText: /^[0-9A-Z]{8,}$/ });
    await number.first().waitFor();
    await other.context().close();
  });
  await story(boss, "a district reads days and reports, and takes them away", async () => {
    await goes(page, "/reports");
    await page.locator("canvas").first().waitFor();
    await picture(page, `days-${boss.size}`);
    await page
      .getByRole("button", { name: /第 \d+ 版/ })
      .first()
      .click();
    await dialog(page)
      .getByText(/第 1 版 ·|还没有发布过/)
      .first()
      .waitFor();
    await confirms(page, "关闭");
    await gone(dialog(page));
    await page.getByRole("tab", { name: "报表" }).click();
    await page.locator("form.filters select").first().selectOption("venues");
    await press(page, "生成");
    await settled(page);
    await picture(page, `report-${boss.size}`);
    const file = page.waitForEvent("download");
    await press(page, "下载 CSV");
    assert.match((await file).suggestedFilename(), /场馆使用.*\.csv$/);
  });
  await story(boss, "a district prints who is inside, and reads who did what", async () => {
    await goes(page, "/roll-call");
    await picks(page, boss.own.venue);
    await says(page, "推定在场");
    await page.emulateMedia({ media: "print" });
    for (const part of [".side", ".bar"])
      assert.equal(await page.locator(part).isVisible(), false, `${part} is not printed`);
    await page.emulateMedia({ media: "screen" });
    await picture(page, `roll-call-${boss.size}`);
    await goes(page, "/audit");
    const deeds = page.getByRole("region", { name: "审计记录" });
    for (const deed of ["登录", "批准查看"])
      await deeds.getByText(deed, { exact: true }).first().waitFor();
    await picture(page, `audit-${boss.size}`);
    await page.context().close();
  });
}

const PASSWORD = "a-long-word-of-my-own-7";

/** An account's whole life: an admin begins and ends it, an instructor is who has it. */
export async function admin(boss, community) {
  const { town, size } = boss;
  const name = `coach-${size}-${Date.now() % 100_000}`;
  let page;
  let invitation;
  // Accounts stand by division, and the newest of a community at the very end.
  const found = async () => {
    await lastRow(page.getByRole("region", { name: "人员" }));
    return row(page, name);
  };
  await story(boss, "an admin invites an instructor", async () => {
    page = await boss.window();
    await boss.signsIn(page);
    await goes(page, "/staff");
    await press(page, "邀请同事");
    await dialog(page).getByLabel("用户名").fill(name);
    await dialog(page).getByLabel("角色").selectOption("instructor");
    await dialog(page).getByLabel("负责的区域").selectOption(community);
    await confirms(page, "邀请");
    invitation = await dialog(page).locator("code").textContent();
    await confirms(page, "关闭");
    await (await found()).waitFor();
    await picture(page, `staff-${size}`);
  });
  const coach = Desk.of({ town, role: "instructor", size, name, password: PASSWORD });
  const own = await coach.window();
  await story(coach, "an instructor enrols with a picture to scan, and sees nobody's row", () =>
    enrols(coach, own, invitation),
  );
  await story(
    boss,
    "an admin ends an account on second thoughts, and its window at once",
    async () => {
      const line = await found();
      await line.getByRole("button", { name: "停用" }).click();
      await says(page, "账号立即不能使用");
      await confirms(page, "取消");
      await gone(dialog(page));
      await line.getByRole("button", { name: "停用" }).click();
      await confirms(page, "停用");
      await gone(dialog(page));
      await (await found()).getByText("已停用").waitFor();
      await page.context().close();
      await own.evaluate(() => (location.hash = "/activities"));
      await says(own, "登录已失效，请重新登录");
      await own.context().close();
    },
  );
}

async function enrols(coach, page, invitation) {
  await page.goto(`${coach.town.server.url}/staff#/enrol`);
  await page.getByLabel("用户名").fill(coach.name);
  await page.getByLabel("邀请码").fill(invitation);
  await page.getByLabel("设置密码").fill(PASSWORD);
  await page.getByLabel("再输入一次密码").fill(PASSWORD);
  await press(page, "开通");
  await page.getByRole("img", { name: /二维码/ }).waitFor();
  await picture(page, `enrol-${coach.size}`);
  coach.totp_secret = await page.locator(".secret code").textContent();
  await press(page, "已绑定，去登录");
  await coach.signsIn(page);
  for (const path of ["/members", "/work", "/webhooks"]) {
    await goes(page, path);
    await says(page, "您的角色不能查看这一页");
  }
  await goes(page, "/fitness");
  await says(page, "按居民编号查找");
  await stands(page, `instructor-${coach.size}`);
}

/** Characters that only GB18030 has among the national sets: four bytes each. */
const GB18030 = {
  desk: { name: "王㛃", bytes: [0xcd, 0xf5, 0x82, 0x30, 0xb7, 0x31] },
  phone: { name: "王㝰", bytes: [0xcd, 0xf5, 0x82, 0x30, 0xc8, 0x34] },
};

export async function file(boss, community) {
  const page = await boss.at("/members");
  const first = boss.own.numbers + 100;
  const chooses = async (name, type, buffer) => {
    await dialog(page).getByLabel("文件").setInputFiles({ name, mimeType: "text/plain", buffer });
    await dialog(page).getByLabel("格式").selectOption(type);
    await confirms(page, "上传");
  };
  await story(boss, "a file of members is taken whole, or its faulty row is named", async () => {
    const upload = async (text) => {
      await press(page, "从文件导入");
      await chooses("members.ndjson", "application/x-ndjson", Buffer.from(text));
    };
    const person = (number, home) =>
      JSON.stringify({
        document: { type: "resident_id", number },
        name: "王伟",
        home_community: home,
        registered_at: "2026-01-05",
        consents: [],
      });
    const known = identity(first);
    await upload(`${person(known, community)}\n${person(identity(first + 2), "330482")}\n`);
    await says(page, "没有写入任何一行");
    await says(page, /第 2 行/);
    await picture(page, `import-faults-${boss.size}`);
    await confirms(page, "取消");
    await gone(dialog(page));
    await upload(`${person(known, community)}\n`);
    await says(page, "新增居民 1 位");
    await confirms(page, "关闭");
    await gone(dialog(page));
  });
  await story(boss, "a table in GB18030 is refused as UTF-8 and read as what it is", async () => {
    const { name, bytes } = GB18030[boss.size];
    const columns = "document_type,document_number,name,home_community,registered_at\r\n";
    const [before, after] = [`resident_id,${identity(first + 4)},`, `,${community},2026-01-05\r\n`];
    const table = Buffer.concat([columns + before, bytes, after].map((part) => Buffer.from(part)));
    await press(page, "从文件导入");
    await chooses("members.csv", "text/csv", table);
    await says(page, "请把格式改选为 GB18030");
    await chooses("members.csv", "text/csv; charset=gb18030", table);
    await says(page, "新增居民 1 位");
    await picture(page, `import-gb18030-${boss.size}`);
    await confirms(page, "关闭");
    await gone(dialog(page));
    await page.getByLabel("查找方式").selectOption("resident_id");
    await page.getByLabel("内容").fill(identity(first + 4));
    await press(page, "查找");
    await says(page, "共 1 行");
    await picks(page, "王*");
    await press(page, "查看完整信息");
    await fills(page, { 查看什么: "name", 理由: "核对导入的姓名" });
    await confirms(page, "申请查看");
    await confirms(page, "查看");
    await dialog(page).locator("code.plain-value").getByText(name, { exact: true }).waitFor();
    await page.context().close();
  });
}
