"""How names are read that Japan writes in Chinese characters, and Korea in Hangul: 佐藤健二 as Sato
Kenji, 박서준 as Park Seo-joon. Of Japan's the commonest are known, each by its usual readings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice, product

_KANJI = re.compile("[\u3005\u4e00-\u9fff]")
_HANGUL = re.compile("[\uac00-\ud7a3]{2,5}")
_MOST = 24
"""Readings of one name."""

_FAMILIES = """
佐藤 satou; 鈴木 suzuki; 高橋 takahashi; 髙橋 takahashi; 田中 tanaka; 伊藤 itou; 渡辺 watanabe;
渡邊 watanabe; 渡邉 watanabe; 山本 yamamoto; 中村 nakamura; 小林 kobayashi; 加藤 katou;
吉田 yoshida; 山田 yamada; 佐々木 sasaki; 山口 yamaguchi; 松本 matsumoto; 井上 inoue; 木村 kimura;
林 hayashi; 斎藤 saitou; 斉藤 saitou; 齋藤 saitou; 齊藤 saitou; 清水 shimizu;
山崎 yamazaki yamasaki; 森 mori; 池田 ikeda; 橋本 hashimoto; 阿部 abe; 安部 abe; 石川 ishikawa;
山下 yamashita; 中島 nakajima nakashima; 石井 ishii; 小川 ogawa; 前田 maeda; 岡田 okada;
長谷川 hasegawa; 藤田 fujita; 後藤 gotou; 近藤 kondou; 村上 murakami; 遠藤 endou; 青木 aoki;
坂本 sakamoto; 福田 fukuda; 太田 oota; 西村 nishimura; 藤井 fujii; 金子 kaneko; 岡本 okamoto;
藤原 fujiwara; 三浦 miura; 中野 nakano; 中川 nakagawa; 原田 harada; 松田 matsuda; 竹内 takeuchi;
小野 ono; 田村 tamura; 中山 nakayama; 和田 wada; 石田 ishida; 森田 morita; 上田 ueda; 原 hara;
内田 uchida; 柴田 shibata; 酒井 sakai; 宮崎 miyazaki; 横山 yokoyama; 高木 takagi; 安藤 andou;
宮本 miyamoto; 大野 oono; 小島 kojima; 今井 imai; 工藤 kudou; 谷口 taniguchi; 高田 takada takata;
増田 masuda; 丸山 maruyama; 杉山 sugiyama; 村田 murata; 大塚 ootsuka; 小山 koyama oyama;
藤本 fujimoto; 平野 hirano; 新井 arai; 河野 kouno kawano; 上野 ueno; 武田 takeda; 野口 noguchi;
松尾 matsuo; 菊地 kikuchi; 菊池 kikuchi; 久保 kubo; 千葉 chiba; 岩崎 iwasaki; 桜井 sakurai;
櫻井 sakurai; 木下 kinoshita; 野村 nomura; 松井 matsui; 佐野 sano; 菅原 sugawara; 杉本 sugimoto;
市川 ichikawa; 古川 furukawa; 大西 oonishi; 島田 shimada; 水野 mizuno; 桑原 kuwahara;
東 higashi azuma; 吉川 yoshikawa; 山内 yamauchi; 西田 nishida; 北村 kitamura; 安田 yasuda;
川口 kawaguchi; 五十嵐 igarashi; 平田 hirata; 本田 honda; 服部 hattori; 川崎 kawasaki; 飯田 iida;
樋口 higuchi; 辻 tsuji; 中田 nakata nakada; 土屋 tsuchiya; 矢野 yano; 広瀬 hirose; 岩田 iwata;
永井 nagai; 秋山 akiyama; 石原 ishihara; 川上 kawakami; 大島 ooshima; 馬場 baba; 松岡 matsuoka;
浜田 hamada; 荒木 araki; 大久保 ookubo; 久保田 kubota; 熊谷 kumagai; 野田 noda; 田口 taguchi;
小松 komatsu; 黒田 kuroda; 星野 hoshino; 尾崎 ozaki; 永田 nagata; 大谷 ootani; 川村 kawamura;
関 seki; 西川 nishikawa; 内藤 naitou; 松村 matsumura; 早川 hayakawa; 三宅 miyake; 須藤 sudou;
上原 uehara; 宮田 miyata; 大橋 oohashi; 片山 katayama; 小池 koike; 栗原 kurihara; 石橋 ishibashi;
浅野 asano; 岡崎 okazaki; 黒木 kuroki; 本間 honma; 森本 morimoto; 堀 hori; 吉村 yoshimura;
成田 narita; 宇野 uno; 豊田 toyoda toyota
"""
_GIVEN = """
健 ken takeshi; 健二 kenji; 健司 kenji; 賢治 kenji; 健治 kenji; 健一 kenichi; 健太 kenta;
健太郎 kentarou; 太郎 tarou; 一郎 ichirou; 次郎 jirou; 二郎 jirou; 三郎 saburou; 花子 hanako;
美咲 misaki; 翔 shou; 翔太 shouta; 大輔 daisuke; 大介 daisuke; 大樹 daiki hiroki; 拓也 takuya;
拓哉 takuya; 拓海 takumi; 匠 takumi; 直樹 naoki; 直人 naoto; 直子 naoko; 裕子 yuuko hiroko;
優子 yuuko; 祐子 yuuko; 由美 yumi; 由美子 yumiko; 由紀 yuki; 由紀子 yukiko; 幸子 sachiko yukiko;
陽子 youko; 洋子 youko; 恵子 keiko; 恵 megumi; 恵美 emi megumi; 京子 kyouko; 恭子 kyouko;
智子 tomoko; 友子 tomoko; 朋子 tomoko; 久美子 kumiko; 久美 kumi; 真由美 mayumi; 真理子 mariko;
真理 mari; 麻里 mari; 麻衣 mai; 舞 mai; 愛 ai; 葵 aoi; 蓮 ren; 陽菜 hina haruna; 結衣 yui;
結菜 yuina; 凛 rin; 美穂 miho; 美香 mika; 美和 miwa; 美紀 miki; 美樹 miki; 美奈子 minako;
千尋 chihiro; 千春 chiharu; 千晶 chiaki; 千夏 chinatsu; 彩 aya; 綾 aya; 綾香 ayaka; 彩香 ayaka;
絵美 emi; 恵理 eri; 恵理子 eriko; 香織 kaori; 香 kaori; 薫 kaoru; 明美 akemi; 明子 akiko;
昭子 akiko; 秋子 akiko; 章子 akiko; 亜希子 akiko; 明 akira; 彰 akira; 晃 akira; 亮 ryou;
亮太 ryouta; 涼 ryou; 涼子 ryouko; 良子 ryouko yoshiko; 諒 ryou; 遼 ryou; 龍 ryuu; 竜 ryuu;
隆 takashi; 孝 takashi; 崇 takashi; 貴志 takashi; 武 takeshi; 剛 tsuyoshi takeshi; 毅 takeshi;
誠 makoto; 真 makoto shin; 実 minoru; 稔 minoru; 修 osamu; 治 osamu; 進 susumu; 勝 masaru;
勇 isamu; 勉 tsutomu; 茂 shigeru; 豊 yutaka; 浩 hiroshi; 博 hiroshi; 弘 hiroshi; 宏 hiroshi;
寛 hiroshi; 浩二 kouji; 浩司 kouji; 幸司 kouji; 浩一 kouichi; 光一 kouichi; 和也 kazuya;
和夫 kazuo; 和子 kazuko; 和彦 kazuhiko; 和美 kazumi; 雅子 masako; 雅之 masayuki; 正 tadashi;
正人 masato; 雅人 masato; 真人 masato; 雅彦 masahiko; 正樹 masaki; 淳 jun atsushi; 純 jun; 潤 jun;
純子 junko; 順子 junko; 淳子 junko; 敦 atsushi; 篤 atsushi; 哲也 tetsuya; 徹 tooru; 達也 tatsuya;
竜也 tatsuya; 智也 tomoya; 智 satoshi; 聡 satoshi; 哲 satoshi; 悟 satoru; 学 manabu; 秀樹 hideki;
英樹 hideki; 秀明 hideaki; 英明 hideaki; 英子 eiko; 浩之 hiroyuki; 博之 hiroyuki; 弘之 hiroyuki;
裕之 hiroyuki; 俊介 shunsuke; 駿 shun; 俊 shun; 慎一 shinichi; 真一 shinichi; 伸一 shinichi;
雄一 yuuichi; 裕一 yuuichi; 祐介 yuusuke; 裕介 yuusuke; 雄介 yuusuke; 悠斗 yuuto; 優斗 yuuto;
優 yuu; 悠 yuu haruka; 遥 haruka; 陽斗 haruto; 大翔 hiroto haruto; 颯太 souta; 蒼 aoi sou;
湊 minato; 樹 itsuki; 大和 yamato; 海斗 kaito; 啓介 keisuke; 圭介 keisuke; 恵介 keisuke;
慶太 keita; 啓太 keita; 文子 fumiko; 富美子 fumiko; 道子 michiko; 美智子 michiko; 節子 setsuko;
礼子 reiko; 玲子 reiko; 麗子 reiko; 玲奈 rena; 里奈 rina; 理恵 rie; 理沙 risa; 里美 satomi;
聡美 satomi; 桜 sakura; 咲 saki; 早紀 saki; 沙織 saori; 詩織 shiori; 静香 shizuka; 静 shizuka;
貴子 takako; 孝子 takako; 典子 noriko; 紀子 noriko; 法子 noriko; 弘子 hiroko; 浩子 hiroko;
博子 hiroko; 奈々 nana; 奈美 nami; 菜々子 nanako; 夏美 natsumi; 夏希 natsuki; 望 nozomi;
希 nozomi; 瞳 hitomi; 光 hikaru; 翼 tsubasa; 渉 wataru; 航 wataru; 歩 ayumu ayumi; 守 mamoru;
昇 noboru; 登 noboru; 清 kiyoshi; 潔 kiyoshi; 一樹 kazuki; 和樹 kazuki; 裕太 yuuta; 雄太 yuuta;
雄大 yuudai; 祐樹 yuuki; 裕樹 yuuki; 勇気 yuuki; 優希 yuuki; 友紀 yuki
"""
_KIN = """
이 lee i yi rhee; 박 park bak pak; 최 choi choe; 김 kim gim; 정 jung jeong chung; 조 cho jo;
강 kang gang; 윤 yoon yun; 임 lim im; 장 jang chang; 한 han; 오 oh o; 서 seo suh; 신 shin sin;
권 kwon gwon; 황 hwang; 안 ahn an; 송 song; 류 ryu; 유 yoo yu; 전 jeon jun; 홍 hong; 고 ko go;
문 moon mun; 양 yang; 손 son sohn; 배 bae; 백 baek paik; 허 heo hur; 남 nam; 심 shim sim;
노 noh roh; 하 ha; 곽 kwak; 성 sung seong; 차 cha; 주 joo ju; 우 woo; 구 koo gu; 민 min; 나 na;
진 jin; 지 ji; 엄 eom um; 채 chae; 원 won; 천 chun cheon; 방 bang; 공 kong gong; 현 hyun hyeon;
함 ham; 변 byun byeon; 염 yeom yum; 여 yeo; 추 choo chu; 도 do; 석 seok suk; 선 sun seon; 설 seol;
마 ma; 길 gil kil; 연 yeon; 위 wi; 표 pyo; 명 myung; 기 ki; 반 ban
"""
_HEARD = {
    "jun": "joon", "su": "soo", "u": "woo", "hun": "hoon", "hyeon": "hyun", "yeong": "young",
    "jeong": "jung", "seong": "sung", "geun": "keun", "gyeong": "kyung", "gi": "ki", "gyu": "kyu",
    "gang": "kang", "yun": "yoon", "mun": "moon", "jeon": "jun", "cheol": "chul", "seon": "sun",
    "seok": "suk", "eok": "uk", "beom": "bum", "byeong": "byung", "myeong": "myung", "hui": "hee",
    "ju": "joo", "guk": "kook", "geon": "gun", "deok": "duk", "gwang": "kwang", "gwan": "kwan",
    "ung": "woong", "eong": "ung", "hyeong": "hyung", "dong": "tong", "yeol": "yul", "ri": "lee",
    "go": "ko", "seo": "suh", "eun": "un", "sik": "shik", "si": "shi", "sin": "shin",
}  # fmt: skip
"""Syllables as they are mostly written in passports, where that is not the official way."""


def romanised(name: str) -> Iterator[str]:
    """`name` in Latin letters in the ways that it may be read; nothing where that is not known."""
    if _KANJI.search(name):
        yield from islice(_japanese(name), _MOST)
    if found := _HANGUL.search(name):
        yield from islice(_korean(found[0] if " " not in name else "".join(name.split())), _MOST)


def _japanese(name: str) -> Iterator[str]:
    families, given = _table(_FAMILIES), _table(_GIVEN)
    parts = name.replace("\u3000", " ").split()
    whole = parts[0] if len(parts) == 1 else ""
    halves = [(whole[:n], whole[n:]) for n in range(1, len(whole))] if whole else [tuple(parts)]
    for half in halves:
        if len(half) != 2:
            continue
        for first, second in (half, half[::-1]) if not whole else (half,):
            for family, own in product(families.get(first, ()), given.get(second) or _kana(second)):
                yield f"{family} {own}"
    for table in (families, given) if whole else ():
        yield from table.get(whole, ())


def _kana(text: str) -> tuple[str, ...]:
    """What is written by its sound."""
    from anyascii import anyascii

    if not text or any(not "\u3040" <= one <= "\u30ff" for one in text):
        return ()
    return (anyascii(text).replace("-", ""),)


def _korean(name: str) -> Iterator[str]:
    from anyascii import anyascii

    kin = _table(_KIN)
    if not all("\uac00" <= one <= "\ud7a3" for one in name) or not 2 <= len(name) <= 4:
        return
    said = [anyascii(one).lower() for one in name[1:]]
    ways = [tuple(dict.fromkeys((one, _HEARD.get(one, one)))) for one in said]
    for family, *own in product(kin.get(name[0], ()), *ways):
        yield " ".join((family, *own))


@cache
def _table(lines: str) -> dict[str, tuple[str, ...]]:
    """What is read, and how: each long vowel also as a short one, as it is mostly written."""
    found: dict[str, list[str]] = {}
    at = ""
    for word in lines.replace(";", " ").split():
        if word.isascii():
            short = word.replace("ou", "o").replace("oo", "o").replace("uu", "u")
            found[at] += [short, word] if lines is not _KIN else [word]
        else:
            found.setdefault(at := word, [])
    return {name: tuple(dict.fromkeys(said)) for name, said in found.items()}
