import Generate
import Testing

@Suite struct ServicesTests {
    let options = GeneratorOptions(orders: 300, badLines: 20)

    @Test func aServiceIsThePartOfTheWhole() throws {
        let whole = GeneratedOutput(options)
        var parts = 0
        for service in GeneratedService.allCases {
            let part = GeneratedOutput(options, service: service)
            let marker = Array("\"service\":\"\(service.rawValue)\"".utf8)
            #expect(part.lines == whole.lines.filter { $0.contains(marker) })
            #expect(part.summary.lines == whole.summary.linesByService[service])
            parts += part.lines.count
        }
        #expect(parts == whole.lines.count)
    }

    @Test func onePassGivesTheSameFiles() throws {
        var files: [GeneratedService: [UInt8]] = [:]
        var sinks: [GeneratedService: (UnsafeRawBufferPointer) throws -> Void] = [:]
        for service in GeneratedService.allCases {
            sinks[service] = { files[service, default: []].append(contentsOf: $0) }
        }
        let summary = try Generator(options).write(to: sinks)
        for service in GeneratedService.allCases {
            #expect(files[service] == GeneratedOutput(options, service: service).bytes)
        }
        #expect(summary == GeneratedOutput(options).summary)
    }

    @Test func sinksGetWholeLinesAndTheirErrorsGoUp() throws {
        struct Full: Error {}
        var pieces = 0
        _ = Generator(GeneratorOptions(orders: 1_500)).write { piece in
            #expect(piece.last == UInt8(ascii: "\n"))
            pieces += 1
        }
        #expect(pieces > 1)
        #expect(throws: Full.self) {
            _ = try Generator(options).write { _ in throw Full() }
        }
    }
}
