import Events
import Testing

@Suite struct SHA256Tests {
    /// The examples of FIPS 180-4 and of NIST's CAVP.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
        ),
    ])
    func hashesTheExamplesOfTheStandard(text: String, digest: String) {
        #expect(SHA256.hex(Array(text.utf8)) == digest)
    }

    /// Around the lengths at which the padding needs another block; the digests are from Python's `hashlib`, of
    /// the bytes `(7 i + length) mod 256`.
    @Test(arguments: [
        (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (1, "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a"),
        (3, "6ab0dba1f4f1dfbb37b4f9eeb092c09fca4900ad32bdcd147d8dde35d6c87c35"),
        (54, "1ad616be707a2b269ecfe28bdea4a4284a4f78a221287d45b98004231f501c77"),
        (55, "81afe5b788dc2ce138ff83d9b20164db75a94d75d2b2432eea4a0ef605088c72"),
        (56, "2aba54f0ac632420a2b502431408866e40e1d5e430df4cd822642c78ab2eb9c1"),
        (57, "903284efbf9100e8ba1614ec65eacacad125e03f857cae7acbf8b73b23e0fdfe"),
        (62, "c2c02d573cda0bf7b8c680a27687b40193446315b46675442d1ffacde704d4fc"),
        (63, "733d3d4ee79ee67145bf73da13588f6f235d37414fc64b14a2f00f1762792f5e"),
        (64, "79322907b3e9d013d7dc2c2f256674dbf733045cde01df3539271c6f5605feb8"),
        (65, "d85c007c6eb440f085afa2b84f6f2bce4658b240e9f62cb1364bf0485a57e720"),
        (118, "718ab275033c0e8d8ff4d0d773ea1945bf58fad732456602e6cda1a9036b5172"),
        (119, "6c87eedf096b345de205b702e5223b73b447a3207791ded3ea007ba15ed6736e"),
        (120, "42500cf6a1e3936d6b9e0bcfe296d654b63255e525487d3634d0b15fde591c4d"),
        (121, "bfee8850f7dfa42874071a0040ef89a5ac8d70c919224c440bdb63adb65d35e8"),
        (127, "68f6ff710276900c0ffbbc57426f67e00c2e01f0750c7edc25ac06b8ce7a8095"),
        (128, "489d55fea9a73af36b6dd0be7b4117d8e5683386d39544e8a44c99a87f368707"),
        (129, "4e1556b2e9a50a3cc9478f3254727b01065f9ac5d2c3a8b4cd538ae7240bb87d"),
        (183, "d5569223a34f844867a0472755c7e51a0f947e822f876d6c1ef65f980640e968"),
        (184, "8beeb42ffc89512dc989bc554ab51c629498bb00ce29bd0ad136e00ee5024ef9"),
        (1000, "6b0df76627243d095b0c4400cb658b7e804dd03461cc03aee8fc8fe0bcada168"),
    ])
    func hashesEveryPadding(length: Int, digest: String) {
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: 7 * $0 + length) }
        #expect(SHA256.hex(bytes) == digest)
    }

    @Test func givesBytesAndPrefixes() {
        let digest = Array("abc".utf8).withUnsafeBufferPointer { SHA256.digest($0) }
        #expect(digest.count == 32)
        #expect(digest.prefix(4) == [0xBA, 0x78, 0x16, 0xBF])
        #expect(SHA256.hex(Array("abc".utf8), prefix: 4) == "ba7816bf")
        #expect(SHA256.hex(Array("abc".utf8), prefix: 0) == "")
    }
}
