"""Indonesian news words in English, by their roots.

A small list, written from general knowledge of the language for news of any kind: politics, war, disasters, courts,
money, the calendar. It was not taken from the documents, though who wrote it had read them, and it has no names of
states, peoples, places or persons. Words that it lacks stay as they are, which is right for names and most loan words.
"""

from __future__ import annotations

from functools import lru_cache

import snowballstemmer

__all__ = ["to_english"]

_WORDS = """
abad century, acara event, adik brother, agama religion, agustus august, air water, ajak invite, akhir end, aksi
action, alasan reason, alat tool, aman security, anak child, ancam threaten, anggaran budget, anggota member, angin
wind, angkat lift, angkatan force, antar between, api fire, april april, arah direction, artikel article, asing
foreign, atur rule, aturan rule, awal first, awas watch, bagi share, bahan material, bahas discuss, bahasa language,
bahaya danger, baik good, bakar burn, balas reply, bandara airport, bandingkan compare, bangsa nation, bangun build,
bangunan building, banjir flood, bank bank, bantah deny, bantai massacre, bantu help, bantuan aid, barang goods,
barat west, baru new, batal cancel, batas border, bawa bring, bayar pay, bebas release, belah split, belas teen,
beli buy, benar right, bencana disaster, bendung dam, bentuk form, berat heavy, beri give, berita news, berkas file,
bersama together, bersih clean, besar large, biaya cost, bicara speak, blokade blockade, bom bomb, buka open, bukti
evidence, bulan month, bunuh kill, buruk bad, cabut withdraw, capai reach, cari search, cegah prevent, cepat fast,
cerita story, coba try, cuaca weather, curi steal, daerah area, daftar list, dagang trade, damai peace, dampak
impact, dana fund, darat ground, darurat emergency, datang come, daya power, debat debate, dekat near, demokrasi
democracy, depan front, derita suffer, desa village, desak urge, desember december, dewan council, diri self,
diskusi discuss, dokter doctor, dorong push, duduk sit, duga allege, dugaan alleged, dukung support, dunia world,
duta ambassador, ekonomi economy, ekspor export, empat four, enam six, energi energy, februari february, fokus
focus, forum forum, gabung join, gagal fail, ganti replace, garis line, gas gas, gedung building, gelar hold, gempa
earthquake, gencatan ceasefire, gerak movement, gerilya guerrilla, gubernur governor, gugat sue, guna use, gunung
mountain, habis end, hadap face, hadir attend, hak right, hakim judge, hancur destroy, harap hope, harga price, hari
day, harus must, hasil result, hati heart, hebat great, henti stop, hidup life, hilang missing, hubung relation,
hubungi contact, hujan rain, hukum law, hutan forest, ibu mother, ibukota capital, ikut join, impor import, industri
industry, informasi information, ingat warn, ingin want, internasional international, invasi invasion, isi content,
istana palace, istri wife, isu issue, izin permit, jabat office, jadi become, jaga guard, jaksa prosecutor, jalan
road, jalin establish, jalur strip, jam hour, januari january, jatuh fall, jawab answer, jeda truce, jelas explain,
jual sell, juli july, jumat friday, jumlah number, jumpa meet, juni june, juru spokesman, kabar news, kabinet
cabinet, kabupaten district, kait related, kalah defeat, kali time, kamis thursday, kampanye campaign, kantor
office, kapal ship, kapten captain, karya work, kasus case, kata say, kawasan region, kaya rich, keadilan justice,
kebijakan policy, kejahatan crime, keluar leave, keluarga family, kemanusiaan humanitarian, kembali return, kena
hit, kendali control, kepala head, kepung siege, kerja work, kerusuhan riot, kesempatan chance, ketat strict, ketua
chairman, kirim send, koalisi coalition, kondisi condition, konflik conflict, kontak contact, korban victim, koridor
corridor, kota city, krisis critical, kritik criticise, kuasa power, kuat strong, kunjung visit, kurang less, kutuk
condemn, laku do, lancar launch, langgar violate, langit sky, langkah step, lanjut continue, lapor report, latih
training, laut sea, lawan against, layan service, ledak explode, lembaga institution, lengkap complete, lewat
through, lima five, lindung protect, listrik electricity, luar foreign, luas wide, luka injure, lumpuh paralyse,
maaf apology, mahasiswa student, mahkamah court, mai may, maju forward, makan food, malam night, mandat mandate,
mantan former, maret march, markas headquarters, masa time, masalah problem, masih still, masuk enter, masyarakat
society, mati die, medan field, media media, mei may, menang win, menteri minister, merah red, merdeka independence,
militan militant, militer military, minggu week, minta ask, minyak oil, misi mission, miskin poor, mobil car, modal
capital, mogok strike, mulai begin, muncul appear, mundur resign, mungkin possible, musim season, musuh enemy, naik
rise, nasib fate, nasional national, negara state, negosiasi negotiation, nilai value, november november, nyata say,
oktober october, operasi operation, orang people, organisasi organisation, otoritas authority, pagi morning,
pahlawan hero, pajak tax, pakai use, paksa force, panas hot, panggil call, pantai coast, parah severe, parlemen
parliament, partai party, pasang install, pasar market, pasokan supply, pasti certain, pasukan force, patuh obey,
pejabat official, pejuang fighter, pekan week, pemberontak rebel, pemerintah government, pemilu election, pemimpin
leader, pendapat opinion, pendudukan occupation, pengadilan court, pengungsi refugee, penjara prison, penting
important, penuh full, perang war, perdana prime, perempuan woman, pergi go, periksa examine, perintah order,
peristiwa event, perlu need, pernah ever, persen percent, pertahanan defence, pertama first, pesan message, pesawat
plane, peta map, pidato speech, pihak party, pimpin lead, pindah move, pisah separate, pokok main, polisi police,
politik political, presiden president, produksi production, program programme, proses process, protes protest,
proyek project, pulau island, pulih recover, puluh ten, puluhan dozens, pusat centre, putus decide, rabu wednesday,
raih win, rakyat people, ramah friendly, rapat meeting, ratus hundred, rawat treat, regional regional, rencana plan,
resmi official, ribu thousand, risiko risk, roket rocket, rudal missile, rugi loss, rumah house, runding negotiate,
rusak damage, sabtu saturday, sah legal, sakit sick, saksi witness, salah wrong, sama same, sambut welcome, sampai
until, sandera hostage, sanksi sanction, sasar target, satu one, saudara brother, sebar spread, sebut call, sejarah
history, sejumlah several, sekarang now, sekolah school, sekutu ally, selamat safe, selasa tuesday, selatan south,
selesai finish, seluruh whole, sembilan nine, senat senate, senin monday, senjata weapon, sepakat agree, september
september, serah hand, serang attack, serangan attack, serius serious, serta with, setuju agree, siang noon, siap
ready, siar broadcast, sidang session, sikap stance, singgung mention, sipil civilian, situasi situation, solusi
solution, sulit difficult, sumber source, sungai river, surat letter, suruh tell, susul follow, syarat condition,
tahan detain, tahap stage, tahun year, takut fear, tambah add, tanah land, tanda sign, tandatangan sign, tanggal
date, tanggap respond, tanggung responsible, tangkap capture, tani farmer, target target, tarik withdraw, taruh put,
tawan hostage, tawar offer, tegas stress, tekan pressure, teliti research, teman friend, tembak shoot, tempat place,
tempur fight, temu meet, tenang calm, tengah middle, tenggara southeast, tentang about, tentara army, terang
explain, terima accept, teroris terrorist, terus continue, tetap remain, tewas kill, tiga three, tim team, timbul
arise, timur east, tindak action, tinggal stay, tinggi high, tingkat level, titik point, tokoh figure, tolak refuse,
topik topic, tuduh accuse, tugas task, tuju aim, tujuan aim, tujuh seven, tulis write, tuntut demand, turun fall,
tutup close, uang money, ubah change, ujar say, ujung end, ukur measure, umum general, umumkan announce, undang law,
ungkap reveal, ungsi refugee, upaya effort, urus manage, usaha effort, usul propose, utama main, utara north, utus
envoy, wabah outbreak, wajib duty, wakil representative, waktu time, wanita woman, warga citizen, wartawan
journalist, wilayah territory, yakin sure, zona zone
"""
_STEMMER = snowballstemmer.stemmer("indonesian")
_ENGLISH: dict[str, str] = dict(pair.split() for pair in _WORDS.replace("\n", " ").split(","))
_BY_STEM = {_STEMMER.stemWord(word): english for word, english in reversed(_ENGLISH.items())}


@lru_cache(50_000)
def to_english(word: str) -> str:
    """An Indonesian word as English, if the list has it or a word of the same stem."""
    return _ENGLISH.get(word) or _BY_STEM.get(_STEMMER.stemWord(word), word)
