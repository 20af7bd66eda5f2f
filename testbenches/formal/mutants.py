"""Broken templates, each of which a proof must refuse: so that every assertion and every cover is known to be able to fail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from formal.cases import POINT
from formal.prover import Case, Mode
from hwgen.rtl.templates import template_files

FIFO: Final = Case("fv_stream_fifo", {"Depth": 3, "Width": 1}, steps=14)
BLOCK_FIFO: Final = Case("fv_stream_fifo", {"Depth": 5, "Width": 1, "RamStyle": 2}, steps=16)
SKID: Final = Case("fv_skid_buffer", {"Width": 1}, steps=14)
CREDIT: Final = Case("fv_credit_fifo", {"Depth": 2, "Width": 1}, steps=10)
GATED: Final = Case("fv_gated_pipeline", {"Depth": 3, "Latency": 1, "BeatsPerOutput": 2, "Period": 2, "Width": 1}, steps=14)
TIGHT: Final = Case("fv_gated_pipeline", {"Depth": 2, "Latency": 1, "Period": 1, "Width": 1}, steps=14)
FORK: Final = Case("fv_stream_fork", {"Outputs": 2, "Width": 1}, steps=12)
PAIR: Final = Case("fv_pair_gate", {"AWidth": 1, "BWidth": 1}, steps=12)
CONCAT: Final = Case("fv_concat", {"Inputs": 3, "First": 1, "Second": 2, "Third": 3, "Width": 1}, steps=14)
BOX: Final = {"Rows": 2, "Cols": 2, "Blocks": 2, "RowLast": 0, "ColFirst": 1, "ColLast": 1, "BlockFirst": 0, "BlockLast": 0}
SELECT: Final = Case("fv_select", {**BOX, "Width": 1}, steps=14)
WINDOW: Final = Case("fv_window", {"Period": 2}, steps=20)
PADDING: Final = Case("fv_window", {**POINT, "PadTop": 1, "OutRows": 4, "Slots": 1, "Period": 2}, steps=20)
REORDER: Final = Case("fv_reorder", {"Middle": 2, "Inner": 2, "Banks": 2, "RamStyle": 2}, steps=20)
AXIS_IN: Final = Case("fv_axis_in", {"Lanes": 2, "Width": 3, "Beats": 3}, steps=10)
AXIS_OUT: Final = Case("fv_axis_out", {"Lanes": 2, "Width": 3, "Beats": 3, "SignExtend": 1}, steps=10)
CONVERTER: Final = Case("fv_width_converter", {"Elements": 5, "InLanes": 2, "OutLanes": 3}, steps=14)


@dataclass(frozen=True, slots=True)
class Mutant:
    """``old``, which stands once in the template, is ``new``; the proof of ``case`` must refuse it.  what: in words.

    mode: whether an assertion fails or a cover is not reached.
    """

    mode: Mode
    what: str
    case: Case
    template: str
    old: str
    new: str

    def text(self) -> str:
        """The broken template."""
        return _broken(self.template, self.old, self.new)


@dataclass(frozen=True, slots=True)
class ArithmeticMutant:
    """The same for arithmetic: a sweep whose name begins with ``sweep`` must find it."""

    what: str
    sweep: str
    template: str
    old: str
    new: str

    def text(self) -> str:
        """The broken template."""
        return _broken(self.template, self.old, self.new)


def _broken(template: str, old: str, new: str) -> str:
    text = template_files()[template].read_text()
    if text.count(old) != 1:
        raise ValueError(f"{template} does not hold {old!r} once: renew the mutant")
    return text.replace(old, new)


def _of(case: Case, template: str, *changes: tuple[str, str, str], mode: Mode = Mode.PROVE) -> Iterable[Mutant]:
    return (Mutant(mode, what, case, template, old, new) for what, old, new in changes)


MUTANTS: Final = (
    *_of(
        FIFO, "hg_stream_fifo",
        ("one place is never used", "count_q != CountWidth'(Depth)", "count_q < CountWidth'(Depth - 1)"),
        ("always ready", "count_q != CountWidth'(Depth)", "1'b1"),
        ("ready only when empty", "count_q != CountWidth'(Depth)", "count_q == '0"),
        ("the last beat stays", "count_q != '0", "count_q > CountWidth'(1)"),
        ("valid falls when a beat comes", "count_q != '0", "count_q != '0 && !in_valid_i"),
        ("read pointer wraps too early", "read_q == PlaceWidth'(Depth - 1)", "read_q == PlaceWidth'(Depth - 2)"),
        ("shows the place that is written", "out_data_o = mem[read_q]", "out_data_o = mem[write_q]"),
        ("pops are not counted", "if (pop && !push) count_q", "if (1'b0) count_q"),
        ("write pointer is not reset", "write_q <= '0;\n", "write_q <= write_q;\n"),
        ("count is not reset", "      count_q <= '0;", "      count_q <= count_q;"),
    ),
    *_of(
        BLOCK_FIFO, "hg_stream_fifo",
        ("reads one beat too late", "(RamStyle == 2) ? 2 : 0", "(RamStyle == 2) ? 1 : 0"),
        ("reads what has not come", "pop && count_q > CountWidth'(2)", "pop && count_q >= CountWidth'(2)"),
        ("leaves what has come to the front", "pop && count_q > CountWidth'(2)", "pop && count_q > CountWidth'(3)"),
        ("forgets a beat that comes as another leaves", "(count_q == CountWidth'(2) && pop)", "1'b0"),
        ("overwrites the front while stalled", "(count_q == CountWidth'(2) && pop)", "count_q == CountWidth'(2)"),
        ("the memory goes on while stalled", ".out_i       (pop)", ".out_i       (out_ready_i || pop || push)"),
        ("takes the front's beat for the memory's", "first_read_q  <= second_read_q;", "first_read_q  <= read;"),
        ("shows the front's other beat", ": front[front_read_q]", ": front[!front_read_q]"),
        ("the front's places are not reset", "front_write_q <= 1'b0;", "front_write_q <= front_write_q;"),
        ("what was read before a reset is shown", "first_read_q  <= 1'b0;", "first_read_q  <= first_read_q;"),
        ("the read pointer is not reset", "read_q  <= PlaceWidth'(Ahead);", "read_q  <= read_q;"),
    ),
    *_of(
        SKID, "hg_skid_buffer",
        ("never fills the second place", "ready_q <= !stall || (ready_q && !take)", "ready_q <= !stall"),
        ("the second place is forgotten", "stall || take || !ready_q", "stall || take"),
        ("the second place is not read", "ready_q ? in_data_i : skid_q", "in_data_i"),
        ("data changes while stalled", "if (!stall) data_q", "data_q"),
        ("valid is not reset", "valid_q <= 1'b0;", "valid_q <= valid_q;"),
    ),
    *_of(
        CREDIT, "hg_credit_fifo",
        ("one place is never promised", "reserved_q != CountWidth'(Depth)", "reserved_q < CountWidth'(Depth - 1)"),
        ("one place too many is promised", "reserved_q != CountWidth'(Depth)", "reserved_q != CountWidth'(Depth + 1)"),
        ("pops give no place back", "else if (pop && !reserve_i)", "else if (1'b0)"),
        ("promises are not reset", "reserved_q <= '0;", "reserved_q <= reserved_q;"),
    ),
    *_of(CREDIT, "hg_stream_fifo", ("the last beat stays", "count_q != '0", "count_q > CountWidth'(1)")),
    *_of(
        GATED, "hg_gate",
        ("waits for room at every beat", "room_i || !last", "room_i"),
        ("never waits for room", "room_i || !last", "1'b1"),
        ("beats go in before they are taken", "out_valid_o = in_valid_i && in_ready_o", "out_valid_o = in_valid_i"),
        ("counts one beat too few", "BeatWidth'(BeatsPerOutput - 1)", "BeatWidth'(BeatsPerOutput - 2)"),
        ("beats are not reset", "beat_q <= '0;", "beat_q <= beat_q;"),
    ),
    # the template as it is, with one place fewer than the Latency + 2 that the full rate needs
    *_of(TIGHT, "hg_credit_fifo", ("one place too few for the rate", "module hg_credit_fifo", "module hg_credit_fifo")),
    *_of(
        FORK, "hg_stream_fork",
        ("outputs forget that they have it", "{Outputs{in_valid_i}} & ~done_q", "{Outputs{in_valid_i}}"),
        ("taken when one output has it", "in_ready_o  = &served", "in_ready_o  = |served"),
        ("waits for all to be ready at once", "in_ready_o  = &served", "in_ready_o  = &out_ready_i"),
        ("an output waits for another", "& ~done_q;", "& ~done_q & {1'b1, out_ready_i[1]};"),
        ("valid without a beat", "{Outputs{in_valid_i}} & ~done_q", "~done_q"),
        ("one output gets other data", "{Outputs{in_data_i}}", "{in_data_i, ~in_data_i}"),
        ("lazy: all at once or none", "{Outputs{in_valid_i}} & ~done_q", "{Outputs{in_valid_i && &out_ready_i}}"),
        ("done is not reset", "done_q <= '0;\n", "done_q <= done_q;\n"),
        ("a pause after each beat", "done_q <= in_ready_o ? '0 : served", "done_q <= in_ready_o ? {1'b0, !done_q[0]} : served"),
    ),
    *_of(
        PAIR, "hg_pair_gate",
        ("takes one stream's beat alone", "a_ready_o   = b_valid_i && room_i", "a_ready_o   = room_i"),
        ("goes on with one stream's beat", "a_valid_i && b_valid_i && room_i", "(a_valid_i || b_valid_i) && room_i"),
        ("never waits for room", "a_valid_i && b_valid_i && room_i", "a_valid_i && b_valid_i"),
        ("reserves without a beat", "reserve_o   = out_valid_o", "reserve_o   = room_i"),
        ("streams swapped", "{b_data_i, a_data_i};", "{a_data_i, b_data_i};"),
        ("never valid", "a_valid_i && b_valid_i && room_i", "1'b0"),
    ),
    *_of(
        CONCAT, "hg_concat",
        ("turns go on after each beat", "turn_q <= last ? turn_next : turn_q", "turn_q <= turn_next"),
        ("one beat too many a turn", "LeftWidth'(BeatTable[32*k+:32] - 32'd1)", "LeftWidth'(BeatTable[32*k+:32])"),
        ("the last input has no turn", "TurnWidth'(Inputs - 1)", "TurnWidth'(Inputs - 2)"),
        ("all inputs are ready", "out_ready_i && turn_q == TurnWidth'(k)", "out_ready_i"),
        ("valid with another input's beat", "out_valid_o = valid[turn_q]", "out_valid_o = |in_valid_i"),
        ("shows the first input always", "out_data_o  = data[turn_q]", "out_data_o  = in_data_i[0]"),
        ("the turn is not reset", "turn_q <= '0;\n", "turn_q <= turn_q;\n"),
    ),
    *_of(
        SELECT, "hg_select",
        ("the box ends too early", "at <= last", "at < last"),
        ("waits outside the box too", "out_ready_i || !chosen", "out_ready_i"),
        ("valid outside the box too", "in_valid_i && chosen", "in_valid_i"),
        ("columns count with every beat", "if (block_end)            col_q", "col_q"),
        ("other data", "out_data_o  = in_data_i", "out_data_o  = ~in_data_i"),
        ("blocks are not reset", "block_q <= '0;\n", "block_q <= block_q;\n"),
    ),
    *_of(
        WINDOW, "hg_window",
        ("always ready", "rows_q < row_limit || (rows_q == row_limit && row_moves && write_col_q < col_base)", "1'b1"),
        ("takes the first tap's column", "write_col_q < col_base", "write_col_q <= col_base"),
        ("starts one position early", "write_col_q > col_last", "write_col_q >= col_last"),
        ("shows the memory for padding", "last_padded ? {Lanes{Width'(PadValue)}} : data", "data"),
        ("the next row's taps begin at the image's", "tap_col_q      <= col_first;\n      tap_addr_q     <= group_addr_q;",
         "tap_col_q      <= '0;\n      tap_addr_q     <= group_addr_q;"),
        ("rows are not reset", "rows_q        <= '0;\n", "rows_q        <= rows_q;\n"),
    ),
    *_of(
        PADDING, "hg_window",
        ("takes the row that the next windows read too", "row_moves && write_col_q", "write_col_q"),
        ("padding comes before its image", "(!rows_q[RowPosWidth-1] && (rows_q != RowZero || write_col_q != ColZero))",
         "!rows_q[RowPosWidth-1]"),
    ),
    *_of(
        PADDING, "hg_window",
        ("one row is never used", "in_ready_o       = rows_q < row_limit", "in_ready_o       = rows_q < row_limit - row_t'(1)"),
        mode=Mode.COVER,
    ),
    *_of(
        REORDER, "hg_reorder",
        ("one bank is never used", "stored_q != StoreWidth'(Banks)", "stored_q == '0"),
        ("a block is read as it came", "AddrWidth'(step(k))", "AddrWidth'(1)"),
        ("read before it is whole", "read        = stored_q != '0 && (!word_q", "read        = (!word_q"),
        ("data changes while stalled", "if (out_moves)            out_q", "out_q"),
        ("the first stage is overwritten", "(!word_q || out_moves);", "1'b1;"),
        ("the read address is not reset", "read_q   <= '0;", "read_q   <= read_q;"),
    ),
    *_of(
        CONVERTER, "hg_width_converter",
        ("one place is never used", "count_q <= CountWidth'(Places) - in_units", "count_q < CountWidth'(Places) - in_units"),
        ("valid one unit too late", "out_valid_o = count_q >= out_units", "out_valid_o = count_q > out_units"),
        ("valid one unit too early", "out_valid_o = count_q >= out_units", "out_valid_o = count_q + CountWidth'(1) >= out_units"),
        ("lands one place off", "count_kept == CountWidth'(p - u)", "count_kept == CountWidth'(p - u + 1)"),
        ("the last beat's lanes are not cleared", "(u < OutTail || !out_last) ? place_q[u] : '0", "place_q[u]"),
        ("vectors share a beat", "out_last ? CountWidth'(OutTail) : CountWidth'(OutUnits)", "CountWidth'(OutUnits)"),
        ("takes only when empty", "count_q <= CountWidth'(Places) - in_units", "count_q == '0"),
        ("beats are not reset", "in_beat_q  <= '0;\n", "in_beat_q  <= in_beat_q;\n"),
    ),
    *_of(
        AXIS_IN, "hg_axis_in",
        ("ready in reset", "out_ready_i && !rst_i", "out_ready_i"),
        ("valid in the second beat only", "s_axis_tvalid_i && !rst_i", "s_axis_tvalid_i && !rst_i && beat_q != '0"),
        ("lanes lie side by side", "l*PaddedWidth+:Width", "l*Width+:Width"),
        ("a tlast too early is no error", "s_axis_tlast_i != last", "!s_axis_tlast_i && last"),
        ("the error is not kept", "if (s_axis_tlast_i != last) error_q <= 1'b1", "error_q <= s_axis_tlast_i != last"),
        ("beats are not reset", "beat_q  <= '0;\n", "beat_q  <= beat_q;\n"),
    ),
    *_of(
        AXIS_OUT, "hg_axis_out",
        ("valid waits for ready", "m_axis_tvalid_o = in_valid_i", "m_axis_tvalid_o = in_valid_i && m_axis_tready_i"),
        ("lanes swapped", "PaddedWidth'($signed(in_data_i[l]))", "PaddedWidth'($signed(in_data_i[Lanes-1-l]))"),
        ("padded with zeros", "PaddedWidth'($signed(in_data_i[l]))", "PaddedWidth'(in_data_i[l])"),
        ("the last beat is that before", "BeatWidth'(Beats - 1)", "BeatWidth'(Beats - 2)"),
        ("beats count while they wait", "in_valid_i && m_axis_tready_i) beat_q", "in_valid_i) beat_q"),
        ("beats are not reset", "beat_q <= '0;\n", "beat_q <= beat_q;\n"),
    ),
    *_of(
        FIFO, "hg_stream_fifo", ("ready only when empty", "count_q != CountWidth'(Depth)", "count_q == '0"), mode=Mode.COVER,
    ),
    *_of(
        CREDIT, "hg_credit_fifo",
        ("one place is never promised", "reserved_q != CountWidth'(Depth)", "reserved_q < CountWidth'(Depth - 1)"), mode=Mode.COVER,
    ),
    *_of(
        FORK, "hg_stream_fork",
        ("lazy: all at once or none", "{Outputs{in_valid_i}} & ~done_q", "{Outputs{in_valid_i && &out_ready_i}}"), mode=Mode.COVER,
    ),
    *_of(
        CONVERTER, "hg_width_converter",
        ("takes only when empty", "count_q <= CountWidth'(Places) - in_units", "count_q == '0"), mode=Mode.COVER,
    ),
    *_of(
        REORDER, "hg_reorder", ("one bank is never used", "stored_q != StoreWidth'(Banks)", "stored_q == '0"), mode=Mode.COVER,
    ),
)

ARITHMETIC: Final = (
    ArithmeticMutant(
        "unsigned activations taken as signed", "product, unsigned", "hg_product", "$signed({1'b0, x_masked})", "$signed(x_masked)"
    ),
    ArithmeticMutant(
        "sign lost with bipolar activations", "product, bipolar", "hg_product",
        "assign negate  = !x_i[0];", "assign negate  = 1'b0;",
    ),
    ArithmeticMutant("lanes swapped", "mult_array, signed", "hg_mult_array", "(x_i[i])", "(x_i[InLanes-1-i])"),
    ArithmeticMutant(
        "rounds towards zero", "requant_scale_lane, Shift=0...11 InWidth=6 InSigned=1", "hg_requant_scale_lane",
        "TermWidth'(sum >>> Dropped)",
        "TermWidth'((sum < 0 && Dropped > 0 ? sum + SumWidth'((1 << Dropped) - 1) : sum) >>> Dropped)",
    ),
    ArithmeticMutant(
        "second offset is the first", "requant_scale_lane, Shift=0...11 InWidth=5 InSigned=1", "hg_requant_scale_lane",
        "$signed(term_q[Offsets-1])", "$signed(term_q[0])",
    ),
    ArithmeticMutant(
        "blocks are counted in pauses too", "requant_scale, ", "hg_requant_scale", "else if (in_valid_i) block_q", "else block_q"
    ),
    ArithmeticMutant(
        "threshold itself belongs to the piece before", "requant_pieces, Pieces=3", "hg_requant_pieces",
        "CWidth'(value) >= CWidth'(threshold)", "CWidth'(value) > CWidth'(threshold)",
    ),
    ArithmeticMutant(
        "the value is a beat ahead of its piece", "requant_pieces, Pieces=4", "hg_requant_pieces",
        ".a_i    (a_q)", ".a_i    (a[l])",
    ),
    ArithmeticMutant(
        "the least code counts", "reduce, Kind=0 Width=3 Signed=1", "hg_reduce", "first_q || as_great", "first_q || !as_great"
    ),
    ArithmeticMutant(
        "unsigned codes summed as signed", "reduce, Kind=1 Width=3 Signed=0", "hg_reduce", "Width + (Signed ? 0 : 1);", "Width;"
    ),
    ArithmeticMutant(
        "weights of the tap before", "reduce, weighted Width=3 XKind=1", "hg_reduce", ".addr_i(word_q)",
        ".addr_i(word_q == '0 ? WordWidth'(Words - 1) : word_q - WordWidth'(1))",
    ),
    ArithmeticMutant(
        "operands compared as unsigned", "eltwise, all kinds and signs, AWidth=4 BWidth=3", "hg_eltwise",
        "Wider'(a_q) > Wider'(b_q)", "$unsigned(Wider'(a_q)) > $unsigned(Wider'(b_q))",
    ),
    ArithmeticMutant(
        "threshold itself does not count", "requant_threshold, InWidth=4 InSigned=1 Levels=3", "hg_requant_threshold",
        "turned >= threshold", "turned > threshold",
    ),
    ArithmeticMutant(
        "falling channels are off by one", "requant_threshold, InWidth=4 InSigned=1 Levels=3", "hg_requant_threshold", "? ~plain :",
        "? -plain :",
    ),
)
